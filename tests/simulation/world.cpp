#include "tests/simulation/world.hpp"

#include <algorithm>
#include <cstdio>

#include "proto/text/ids.hpp"
#include "sidecar/core/keyed_hash.hpp"

namespace wsidecar::simulation {
using namespace std::chrono_literals;
namespace {

config::config settings_of(const schedule& s) {
    config::config c;
    c.prefix = "w:";
    c.shards = s.shards;
    c.lease = std::chrono::seconds(s.lease);
    c.ping = 4s;
    c.pong_timeout = 2500ms;
    c.outbox.grace = 10s;
    c.app.timeout = 1s;
    c.app.retry.deadline = 3s;
    c.app.retry.down_deadline = 6s;
    c.mailbox.age = 10min;
    c.routes[0].path = "/ws/{device}";
    c.routes[0].ping = c.ping;
    c.routes[0].pong_timeout = c.pong_timeout;
    if (s.stomp) {
        c.routes.push_back(c.routes[0]);
        c.routes[1].path = "/stomp/{device}";
        c.routes[1].protocol = "stomp";
        c.routes[1].events = {"connect", "disconnect"};
    }
    if (s.event_source) {
        c.routes.push_back(c.routes[0]);
        c.routes.back().path = "/events/{device}";
        c.routes.back().sse = true;
    }
    config::source src;
    src.list = "src";
    src.to.users = {"{/user}"};
    src.data = "/text";
    src.delivered.post = "/told";
    src.delivered.body = "/id";
    c.sources.push_back(src);
    if (s.stream != schedule::stream_form::none) {
        config::source stream = src;
        stream.list.clear();
        stream.stream = "events";
        stream.field = s.stream == schedule::stream_form::payload ? "payload" : "";
        stream.from = "new";
        if (s.stream_from_start) {
            stream.from = "start";
        }
        stream.id = "/id";
        if (s.stream_to_groups) {
            stream.to.users.clear();
            stream.to.groups = {"{/group}"};
        }
        c.sources.push_back(stream);
    }
    for (const auto& h : s.histories) {
        c.history.push_back({h.name, h.count, h.bytes, std::chrono::milliseconds(h.age / ms)});
    }
    return c;
}

}  // namespace

world::world(lua_host& lua, const schedule& s, bool trace)
    : lua_(lua), schedule_(s), rng_(s.seed ^ 0xA5A5A5A5ULL), wishes_(s.seed + 11) {
    options_.settings = settings_of(s);
    options_.no_info = s.no_info;
    options_.trace = trace;
    proto::predictable_ids(s.seed);
    core::predictable_hashes();
    servers_.push_back(std::make_unique<redis_model>(lua, s.redis, s.seed + 7));
    current_ = servers_.back().get();
    (void)current_->ask({"RPUSH", "w:receipts", "{}"});  // it is there before a slot moves
    // Two people with two devices each, one with one, one known by an alias only, one by nothing but a group.
    const auto person = [this](const std::string& user, std::vector<std::string> aliases, std::vector<std::string> groups) {
        auto d = std::make_unique<device>();
        d->number = static_cast<int>(devices_.size());
        d->user = user;
        d->aliases = std::move(aliases);
        d->groups = std::move(groups);
        devices_.push_back(std::move(d));
    };
    person("alice", {}, {"g1"});
    person("alice", {"order=7"}, {"g1"});
    person("bob", {"order=7"}, {"g1"});
    person("bob", {}, {});
    person("carol", {"card=1"}, {"g2"});
    person("", {"order=7", "seat=1"}, {"g2"});
    person("", {"seat=2"}, {"g1"});
    person("dave", {}, {"g2"});
    if (s.stomp) {
        person("erin", {}, {});
        person("frank", {}, {});
        devices_[8]->stomp = devices_[9]->stomp = true;
    }
    if (!s.histories.empty()) {
        if (s.event_source) {
            person("sam", {}, {"g1"});
            devices_.back()->events = true;
        }
        newcomers_ = devices_.size();
        if (s.stomp) {
            person("pia", {}, {});
            devices_.back()->stomp = true;
        }
        person("nina", {}, {"g1"});
        person("", {"seat=9"}, {"g1", "g2"});
        person("olga", {}, {"g2"});
        for (auto n = newcomers_; n < devices_.size(); ++n) {
            devices_[n]->wants = false;
        }
    }
    for (int i = 0; i < s.pods; ++i) {
        pods_.push_back(std::make_unique<pod>(*this, i));
    }
}

world::~world() {
    for (auto& p : pods_) {
        p->die();
    }
    for (auto& d : devices_) {
        d->now.reset();
    }
}

// ------------------------------------------------------------------------------------------------------- time

void world::pass(instant until) {
    for (;;) {
        auto next = std::min(queue_.next(), until);
        for (const auto& s : servers_) {
            const auto due = s->next_deadline();
            next = due == INT64_MAX ? next : std::min(next, std::max(due * ms, now()));
        }
        queue_.advance(next);
        for (const auto& s : servers_) {
            s->set_time(now() / ms);
        }
        if (queue_.next() <= now()) {
            queue_.step();
        } else if (now() >= until) {
            return;
        }
        if (book_.violations.size() > 20) {
            return;
        }
    }
}

void world::to_pod(pod& p, instant when, std::function<void()> what) {
    queue_.at(when, [&p, g = p.generation(), what = std::move(what)] {
        if (p.generation() == g) {
            p.enter([&p, g, what] {
                if (p.generation() == g) {
                    what();
                }
            });
        }
    });
}

void world::run() {
    for (auto& p : pods_) {
        queue_.at(rng_.between(0, 300) * ms, [this, p = p.get()] {
            if (!p->alive()) {
                p->start();
            }
        });
    }
    for (auto& d : devices_) {
        queue_.at(rng_.between(1200, 2200) * ms, [this, d = d.get()] { dial(*d); });
    }
    for (const auto& a : schedule_.actions) {
        queue_.at(a.when, [this, a] { perform(a); });
    }
    pass(schedule_.until + second);
    heal();
    pass(now() + (8 + 2 * schedule_.lease) * second);
    people_come();
    pass(now() + 8 * second);
    checker check(*this);
    check.when_delivered();
    for (auto& d : devices_) {
        d->wants = false;
        if (d->now) {
            d->now->cut(false, 1000);
        }
    }
    // What waits until a moment of Redis' clock waits longer where that was set back.
    pass(now() + 8 * second + set_back_);
    const auto names = current_->data().names();
    if (std::any_of(names.begin(), names.end(),
                    [](const std::string& n) { return n == "w:kept" || (n.starts_with("w::") && n.ends_with("kept")); })) {
        // What is kept for those who are between two connections is taken out 20 s after the grace of the last of them.
        pass(now() + 22 * second);
    }
    check.when_all_have_left();
    instant oldest = 0;
    for (const auto& h : schedule_.histories) {
        oldest = std::max(oldest, h.age);
    }
    if (oldest > 0) {
        pass(now() + oldest + 3 * second);
        check.when_histories_have_ended();
    }
    for (auto& p : pods_) {
        p->drain();
    }
    pass(now() + 4 * second);
    check.when_all_instances_have_left();
}

// ------------------------------------------------------------------------------------------------------ people

void world::dial(device& d) {
    if (!d.wants || d.now) {
        return;
    }
    std::vector<pod*> ready;
    for (auto& p : pods_) {
        if (p->ready()) {
            ready.push_back(p.get());
        }
    }
    if (ready.empty()) {
        queue_.after(500 * ms, [this, &d] { dial(d); });
        return;
    }
    // Usually a device of its own comes to a pod of its own.
    const auto n = rng_.once_in(3) ? rng_.below(ready.size()) : (static_cast<std::size_t>(d.number) + d.dials) % ready.size();
    ++d.dials;
    d.now = std::make_shared<socket>(*this, *ready[n], d);
    d.now->dial();
}

void world::hung_up(device& d, const std::shared_ptr<socket>& s) {
    if (d.now != s) {
        return;
    }
    d.now.reset();
    queue_.after(rng_.between(50, 1500) * ms, [this, &d] { dial(d); });
}

/// Who is not there comes, so that what waits for him is seen.
void world::people_come() {
    for (auto& d : devices_) {
        d->wants = d->answers = true;
        dial(*d);
    }
}

instant world::well_from(instant t, const pod& p) const {
    return outside_troubles(t, p, [](const std::pair<instant, instant>& trouble) { return trouble.second; });
}

instant world::well_until(instant t, const pod& p) const {
    return outside_troubles(t, p, [](const std::pair<instant, instant>& trouble) { return trouble.first - 1500 * ms; });
}

instant world::outside_troubles(instant t, const pod& p, instant (*way_out)(const std::pair<instant, instant>&)) const {
    instant out = t;
    const auto skip = [&](const std::vector<std::pair<instant, instant>>& all) {
        for (const auto& trouble : all) {
            if (out >= trouble.first - 1500 * ms && out <= trouble.second) {
                out = way_out(trouble);
            }
        }
    };
    for (int i = 0; i < 3; ++i) {
        skip(book_.troubles);
        if (const auto it = book_.pod_troubles.find(p.number()); it != book_.pod_troubles.end()) {
            skip(it->second);
        }
    }
    return out;
}

// ------------------------------------------------------------------------------------------------------- Redis

redis_model* world::server_for(const pod&, const std::string&) {
    return outage_ ? nullptr : current_;
}

bool world::knows(const redis_model* r) const {
    for (const auto& s : servers_) {
        if (s.get() == r) {
            return true;
        }
    }
    return false;
}

void world::run(redis_model& r, const redis_model::client_ptr& c, const words& w, const pod& p, const std::string& link) {
    r.set_time(now() / ms);
    for (const auto& word : w) {
        for (const char ch : word.size() > 64 ? word.substr(0, 64) : word) {
            digest_ = (digest_ ^ static_cast<unsigned char>(ch)) * 1099511628211ULL;
        }
    }
    digest_ = (digest_ ^ static_cast<std::uint64_t>(now())) * 1099511628211ULL;
    if (!options_.trace) {
        r.run(c, w);
        return;
    }
    std::string said = "pod" + std::to_string(p.number()) + " " + link + ": ";
    const bool script = w[0] == "EVALSHA" || w[0] == "EVAL";
    if (script) {
        said += r.title_of(w[0] == "EVAL" ? w[1] : w[1], w[0] == "EVAL");
    }
    for (std::size_t i = script ? 4 : 0; i < w.size(); ++i) {
        std::string word = w[i].substr(0, 90);
        for (char& ch : word) {
            ch = ch == '\n' || ch == '\r' || ch == '\0' ? '.' : ch;
        }
        said += ' ' + word;
    }
    const auto out = std::exchange(c->out, {});
    std::vector<reply> replies;
    c->out = [&](reply x) { replies.push_back(std::move(x)); };
    r.run(c, w);
    c->out = out;
    for (const auto& x : replies) {
        said += " -> " + x.describe(160);
    }
    note(said);
    for (auto& x : replies) {
        c->out(std::move(x));
    }
}

void world::kill(pod& p) {
    if (p.alive()) {
        note("killed", p);
        book_.any_fault = book_.any_kill = true;
        p.die();
        book_.deaths[p.number()].push_back(now());
        queue_.after(rng_.between(800, 9000) * ms, [this, &p] {
            if (!p.alive()) {
                p.start();
            }
        });
    }
}

// -------------------------------------------------------------------------------------------------------- notes

std::optional<std::uint32_t> world::number_of(const std::string& text) const {
    if (text.size() < 2 || text.size() > 8 || text[0] != 'p') {
        return std::nullopt;
    }
    std::uint32_t n = 0;
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] < '0' || text[i] > '9') {
            return std::nullopt;
        }
        n = n * 10 + static_cast<std::uint32_t>(text[i] - '0');
    }
    return n < book_.pushes.size() ? std::optional(n) : std::nullopt;
}

void world::received(visit& v, const std::string& text) {
    const auto n = number_of(text);
    if (!n) {
        return;
    }
    auto& g = v.pushes[*n];
    ++g.times;
    g.received = g.received < 0 ? now() : g.received;
    v.order.push_back(*n);
    if (options_.trace) {
        note("d" + std::to_string(v.device) + " " + v.user + " " + v.id + " has " + text);
    }
}

void world::note(const char* what, const pod& p, const std::string& more) {
    if (options_.trace) {
        note("pod" + std::to_string(p.number()) + " " + what + " " + more);
    }
}

void world::note(const std::string& what) {
    if (options_.trace) {
        std::fprintf(stderr, "%8.3f  %s\n", static_cast<double>(now()) / second, what.c_str());
    }
}

void world::broken(const std::string& kind, const std::string& what) {
    note("BROKEN " + kind + ": " + what);
    book_.violations.push_back({kind, what});
}

}  // namespace wsidecar::simulation
