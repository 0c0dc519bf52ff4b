#include "sidecar/app/console.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "proto/rfc3339.hpp"
#include "sidecar/app/console_files.hpp"
#include "sidecar/core/stomp_client.hpp"

namespace wsidecar::app {
using namespace std::chrono_literals;
namespace json = boost::json;
namespace {

constexpr std::size_t viewers_at_most = 8;
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
    if (c.stomp) {
        for (const auto& s : c.stomp->subscriptions) {
            out.destinations.push_back(s->key);
        }
    }
    return out;
}

}  // namespace

console::console(operator_view& view) : view_(view), started_(view.timers.now()) {
    pod_.version = WSIDECAR_VERSION;
    view.metrics.limit.at({"console.viewers"}) = viewers_at_most;
    view.metrics.limit_used.at({"console.viewers"}) = 0;
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
    history_.take(view_.metrics, view_.timers.now());
    std::erase_if(viewers_, [](const auto& v) { return !v->open(); });
    view_.metrics.limit_used.at({"console.viewers"}) = static_cast<double>(viewers_.size());
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
    return snapshot(pod_, view_.metrics, view_.gateway.lately(), history_.look());
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

template <class Ask>
void console::ask_redis(Ask ask, std::function<void(core::registry_view)> done) {
    struct once {
        std::function<void(core::registry_view)> done;
        core::timer_port::handle deadline;
        void finish(core::registry_view r) {
            deadline.reset();
            if (const auto f = std::exchange(done, nullptr)) {
                f(std::move(r));
            }
        }
    };
    const auto state = std::make_shared<once>();
    state->done = std::move(done);
    state->deadline = view_.timers.after(patience, [weak = std::weak_ptr(state)] {
        if (const auto late = weak.lock()) {
            late->finish({});
        }
    });
    ask([state](core::registry_view r) { state->finish(std::move(r)); });
}

void console::look_up(const std::string& user, std::function<void(core::registry_view)> done) {
    ask_redis([&](auto finish) { view_.bus.look_up(user, std::move(finish)); }, std::move(done));
}

void console::user(const std::string& name, admin_respond respond) {
    if (name.empty() || name.size() > 256) {
        respond({400, R"({"error":"name: 1 to 256 bytes"})"});
        return;
    }
    look_up(name, [this, name, respond = std::move(respond)](const core::registry_view& redis) {
        std::vector<held_connection> here;
        proto::addresses who;
        who.users.push_back(name);
        view_.gateway.registry().visit(who, [&](const core::connection& c) {
            if (c.session != nullptr && !c.relayed) {
                here.push_back(held(c));
            }
        });
        respond(as_json(user_view(name, view_.gateway.instance(), here, redis, view_.gateway.lately())));
    });
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
    const std::string target = named ? name[0] + own : "*";
    ask_redis([&](auto finish) { view_.bus.look_up_history(target, std::move(finish)); },
            [name, respond = std::move(respond)](const core::registry_view& redis) {
                respond(as_json({{"name", text(name)}, {"redis", redis.answered}, {"count", redis.kept}, {"bytes", redis.kept_bytes}}));
            });
}

void console::message(const std::string& id, admin_respond respond) {
    if (id.empty() || id.size() > 1024) {
        respond({400, R"({"error":"id: of the push"})"});
        return;
    }
    look_up("", [this, id, respond = std::move(respond)](const core::registry_view& redis) {
        respond(as_json(message_view(id, view_.gateway.instance(), redis, view_.gateway.lately())));
    });
}

}  // namespace wsidecar::app
