#include "sidecar/app/console.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "proto/text/rfc3339.hpp"
#include "sidecar/app/console_files.hpp"
#include "sidecar/core/dialect.hpp"

namespace wsidecar::app {
using namespace std::chrono_literals;
namespace json = boost::json;
namespace {

constexpr std::size_t viewers_at_most = 8;
constexpr std::size_t questions_at_most = 4;
/// Of one user, on this pod.
constexpr std::size_t connections_told = 100;
constexpr std::size_t longest_shown = 5;
/// Above it every connection is looked at less often: that takes its time.
constexpr std::size_t many = 5000;
constexpr unsigned ticks_between_scans_of_many = 10;
constexpr unsigned ticks_between_questions = 5;
/// Of an operator, with a Redis that does not answer.
constexpr auto patience = 2s;

const char* name_of(drain::stage s) {
    switch (s) {
        case drain::stage::serving: return "serving";
        case drain::stage::delaying: return "delaying";
        case drain::stage::closing: return "closing";
        case drain::stage::finishing: return "finishing";
        case drain::stage::drained: break;
    }
    return "drained";
}

admin_answer as_json(const json::object& o) {
    return {200, serialized(o) + "\n"};
}

held_connection held(const core::connection& c) {
    held_connection out;
    out.id = c.id;
    out.path = c.path();
    out.since = proto::format_rfc3339(c.since);
    out.aliases = c.aliases;
    out.groups = c.groups;
    out.unconfirmed = c.unconfirmed.size();
    out.queued_bytes = c.session != nullptr ? c.session->queued_bytes() : 0;
    for (auto& s : c.speaks->subscriptions(c)) {
        out.destinations.push_back(std::move(s.key));
    }
    return out;
}

}  // namespace

console::console(operator_view& view) : view_(view), started_(view.timers.now()) {
    pod_.version = WSIDECAR_VERSION;
    view.metrics.limit.at({"console.viewers"}) = viewers_at_most;
    view.metrics.limit_used.at({"console.viewers"}) = 0;
    view.metrics.limit.at({"console.questions"}) = questions_at_most;
    view.metrics.limit_used.at({"console.questions"}) = 0;
}

void console::serve(admin_server& server) {
    const auto get = [&](const char* path, auto f) {
        server.route("GET", path, admin_server::access::operators,
                     [f](const admin_request& q, admin_respond r) { f(q, std::move(r)); });
    };
    for (const auto& file : console_files()) {
        get(file.path, [file](const admin_request&, admin_respond r) {
            r({200, std::string(file.bytes), file.content_type, true});
        });
    }
    get("/", [](const admin_request&, admin_respond r) {
        admin_answer to_console;
        to_console.status = 302;
        to_console.location = "/console";
        r(std::move(to_console));
    });
    get("/console/snapshot", [this](const admin_request&, admin_respond r) {
        ask_for_instances();  // for the next
        r(as_json(look()));
    });
    get("/console/user", [this](const admin_request& q, admin_respond r) { user(q.parameter("name"), std::move(r)); });
    get("/console/message", [this](const admin_request& q, admin_respond r) { message(q.parameter("id"), std::move(r)); });
    get("/console/history", [this](const admin_request& q, admin_respond r) { kept_of(q.parameter("name"), std::move(r)); });
    get("/console/events", [this](const admin_request&, admin_respond r) {
        std::erase_if(viewers_, [](const auto& v) { return !v->open(); });
        if (viewers_.size() >= viewers_at_most) {
            view_.metrics.hit("viewers");
            r({503, R"({"error":"too many viewers of the console"})"});
            return;
        }
        admin_answer a;
        a.content_type = "text/event-stream";
        a.stream = [this](const std::shared_ptr<admin_stream>& viewer) { begin(viewer); };
        r(std::move(a));
    });
}

void console::begin(const std::shared_ptr<admin_stream>& viewer) {
    viewers_.push_back(viewer);
    if (viewers_.size() == 1) {
        ask_for_instances();
    }
}

void console::tick() {
    ++ticks_;
    view_.app.look();
    history_.take(view_.metrics, view_.timers.now());
    std::erase_if(viewers_, [](const auto& v) { return !v->open(); });
    view_.metrics.limit_used.at({"console.viewers"}) = static_cast<double>(viewers_.size());
    view_.metrics.limit_used.at({"console.questions"}) = static_cast<double>(*questions_);
    if (viewers_.empty()) {
        return;
    }
    if (ticks_ % ticks_between_questions == 0) {
        ask_for_instances();
    }
    const std::string data = serialized(look());
    for (const auto& v : viewers_) {
        v->send(data);
    }
}

// --------------------------------------------------------------------------------------------------- the pod

json::object console::look() {
    refresh_gauges(view_);
    scan();
    const auto redis = view_.bus.status();
    const bool app = view_.app.accepting();
    const auto stage = view_.leaving.at();
    const auto& readyz = view_.config.readyz;
    pod_.instance = view_.gateway.instance();
    pod_.now = view_.timers.wall();
    pod_.uptime = std::chrono::duration<double>(view_.timers.now() - started_).count();
    pod_.ready = stage == drain::stage::serving && (app || !readyz.app) && (redis.ok || !readyz.redis);
    pod_.app = app ? "ok" : "does not accept connections";
    pod_.redis = redis.words;
    pod_.drain = name_of(stage);
    const auto& hub = view_.gateway.registry();
    pod_.users = hub.users();
    pod_.aliases = hub.aliases();
    pod_.groups = hub.groups();
    pod_.viewers = viewers_.size();
    return snapshot(pod_, view_.metrics, view_.gateway.recent_events(), history_.look());
}

/// Every connection: routes, queues.
void console::scan() {
    const auto& hub = view_.gateway.registry();
    if (scanned_ever_ && hub.size() > many && ticks_ - scanned_ < ticks_between_scans_of_many) {
        return;
    }
    scanned_ = ticks_;
    scanned_ever_ = true;
    std::map<std::string_view, std::size_t> routes;  // a reload leaves the same path to more than one
    const config::route* last = nullptr;
    std::size_t* count = nullptr;
    std::size_t queued = 0;
    std::vector<std::pair<std::size_t, const core::connection*>> longest;
    hub.for_each([&](const core::connection& c) {
        if (c.session == nullptr || c.relayed) {
            return;
        }
        if (c.route != last) {
            last = c.route;
            count = &routes[c.route->path];
        }
        ++*count;
        const std::size_t bytes = c.session->queued_bytes();
        queued += bytes;
        if (bytes == 0 || (longest.size() == longest_shown && bytes <= longest.back().first)) {
            return;
        }
        const auto at = std::find_if(longest.begin(), longest.end(), [&](const auto& x) { return x.first < bytes; });
        longest.insert(at, {bytes, &c});
        longest.resize(std::min(longest.size(), longest_shown));
    });
    pod_.by_route.assign(routes.begin(), routes.end());
    pod_.longest.clear();
    for (const auto& [bytes, c] : longest) {
        pod_.longest.push_back({c->id, c->user, std::string(c->path()), bytes});
    }
    view_.metrics.queued_bytes.value() = static_cast<double>(queued);
    view_.metrics.limit_used.at({"limits.queue"}) = longest.empty() ? 0 : static_cast<double>(longest.front().first);
}

void console::ask_for_instances() {
    if (std::exchange(asking_, true)) {
        return;
    }
    view_.bus.look_up("", [this](core::registry_view r) {
        asking_ = false;
        pod_.instances = std::move(r.instances);
    });
}

// ------------------------------------------------------------------------------------------- users and messages

namespace {

/// Several questions that are asked at the same time, and what follows once all are answered, or their time is over. What comes later
/// than that finds nobody.
class gathering : public std::enable_shared_from_this<gathering> {
public:
    explicit gathering(std::function<void()> done) : done_(std::move(done)) {}

    void begin(core::timer_port& timers) {
        deadline_ = timers.after(patience, [weak = weak_from_this()] {
            if (const auto late = weak.lock()) {
                late->finish();
            }
        });
    }
    /// One more question: what is to be done with its answer.
    template <class Answer, class Take>
    std::function<void(Answer)> expect(Take take) {
        ++open_;
        return [self = shared_from_this(), take = std::move(take)](Answer a) {
            if (!self->over_) {
                take(std::move(a));
                self->answered();
            }
        };
    }
    /// Nothing more is asked.
    void all_asked() { answered(); }

private:
    void answered() {
        if (--open_ == 0) {
            finish();
        }
    }
    void finish() {
        over_ = true;
        deadline_.reset();
        if (const auto f = std::exchange(done_, nullptr)) {
            f();
        }
    }

    std::function<void()> done_;
    core::timer_port::handle deadline_;
    std::size_t open_ = 1;  ///< with the asking itself
    bool over_ = false;
};

constexpr char about_message[] = "message\n";
constexpr char about_user[] = "user\n";

}  // namespace

/// A place among the questions that wait, given back when it goes; null, and `respond` has been told: there is none.
std::shared_ptr<void> console::place_for_question(const admin_respond& respond) {
    if (*questions_ >= questions_at_most) {
        view_.metrics.hit("questions");
        respond({503, R"({"error":"too many questions at once"})"});
        return nullptr;
    }
    ++*questions_;
    return {questions_.get(), [count = questions_](std::size_t*) { --*count; }};
}

std::string console::answer(std::string_view question) {
    const auto id = [&](std::string_view kind) { return std::string(question.substr(kind.size())); };
    if (question.starts_with(about_message)) {
        return serialized(message_account(id(about_message), view_.gateway.instance(), view_.gateway.recent_events()));
    }
    return question.starts_with(about_user) ? serialized(user_here(id(about_user))) : std::string();
}

json::object console::user_here(const std::string& name) const {
    std::vector<held_connection> here;
    proto::addresses who;
    who.users.push_back(name);
    view_.gateway.registry().visit(who, [&](const core::connection& c) {
        if (c.session != nullptr && !c.relayed && here.size() < connections_told) {
            here.push_back(held(c));
        }
    });
    return user_account(name, view_.gateway.instance(), here, view_.gateway.recent_events());
}

struct console::user_inquiry {
    user_findings found;
    admin_respond respond;
    std::shared_ptr<void> place;
};

void console::user(const std::string& name, admin_respond respond) {
    if (name.empty() || name.size() > 256) {
        respond({400, R"({"error":"name: 1 to 256 bytes"})"});
        return;
    }
    auto place = place_for_question(respond);
    if (!place) {
        return;
    }
    const auto q = std::make_shared<user_inquiry>();
    q->found.user = name;
    q->respond = std::move(respond);
    q->place = std::move(place);
    const auto all = std::make_shared<gathering>([this, q] {
        q->found.instance = view_.gateway.instance();
        q->found.pods.insert(q->found.pods.begin(), user_here(q->found.user));
        q->respond(as_json(user_view(q->found)));
    });
    all->begin(view_.timers);
    view_.bus.look_up(name, all->expect<core::registry_view>([q](core::registry_view r) { q->found.redis = std::move(r); }));
    view_.bus.ask_all(about_user + name, all->expect<core::answers>([q](const core::answers& a) {
        q->found.asked = asked_of(a);
        q->found.pods = accounts_of(a);
    }));
    all->all_asked();
}

void console::kept_of(const std::string& name, admin_respond respond) {
    const auto colon = name.find(':');
    const std::string kind = name.substr(0, colon);
    const std::string own = colon == std::string::npos ? std::string() : name.substr(colon + 1);
    const bool named = (kind == "group" || kind == "destination") && !own.empty() && own.size() <= 256;
    if (!named && name != "all") {
        respond({400, R"({"error":"name: group:NAME, destination:NAME or all"})"});
        return;
    }
    auto place = place_for_question(respond);
    if (!place) {
        return;
    }
    const auto found = std::make_shared<core::registry_view>();
    const auto asked = std::make_shared<gathering>([name, found, place, respond = std::move(respond)] {
        respond(
            as_json({{"name", text(name)}, {"redis", found->answered}, {"count", found->kept}, {"bytes", found->kept_bytes}}));
    });
    asked->begin(view_.timers);
    view_.bus.look_up_history(named ? name[0] + own : "*",
                              asked->expect<core::registry_view>([found](core::registry_view r) { *found = std::move(r); }));
    asked->all_asked();
}

struct console::message_inquiry {
    message_findings found;
    admin_respond respond;
    std::shared_ptr<void> place;
};

/// First the pods, and the lists that a push may be in; then the lists that what they say points to.
void console::message(const std::string& id, admin_respond respond) {
    if (id.empty() || id.size() > 1024) {
        respond({400, R"({"error":"id: of the push"})"});
        return;
    }
    auto place = place_for_question(respond);
    if (!place) {
        return;
    }
    const auto q = std::make_shared<message_inquiry>();
    q->found.id = id;
    q->respond = std::move(respond);
    q->place = std::move(place);
    const auto all = std::make_shared<gathering>([this, q] { message_lists(q); });
    all->begin(view_.timers);
    for (const auto kind :
         {core::list_kind::outbox, core::list_kind::returned, core::list_kind::parked, core::list_kind::rejected}) {
        q->found.lists.push_back({kind, "", {}});
    }
    for (std::size_t i = 0; i < q->found.lists.size(); ++i) {
        view_.bus.seek(q->found.lists[i].kind, "", id,
                       all->expect<core::sightings>([q, i](core::sightings s) { q->found.lists[i].what = std::move(s); }));
    }
    view_.bus.ask_all(about_message + id, all->expect<core::answers>([q](const core::answers& a) {
        q->found.redis = a.asked;
        q->found.asked = asked_of(a);
        q->found.pods = accounts_of(a);
    }));
    all->all_asked();
}

void console::message_lists(const std::shared_ptr<message_inquiry>& q) {
    q->found.instance = view_.gateway.instance();
    q->found.pods.insert(q->found.pods.begin(),
                         message_account(q->found.id, view_.gateway.instance(), view_.gateway.recent_events()));
    const auto all = std::make_shared<gathering>([this, q] { message_told(q); });
    all->begin(view_.timers);
    const std::size_t first = q->found.lists.size();
    for (auto& list : lists_to_look_into(q->found)) {
        q->found.lists.push_back(std::move(list));
    }
    for (std::size_t i = first; i < q->found.lists.size(); ++i) {
        auto& list = q->found.lists[i];
        view_.bus.seek(list.kind, list.name, q->found.id,
                       all->expect<core::sightings>([q, i](core::sightings s) { q->found.lists[i].what = std::move(s); }));
    }
    all->all_asked();
}

void console::message_told(const std::shared_ptr<message_inquiry>& q) {
    q->found.now = view_.timers.wall();
    q->respond(as_json(message_view(q->found)));
}

}  // namespace wsidecar::app
