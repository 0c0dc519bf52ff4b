#include "sidecar/redis/shard.hpp"

#include <utility>

#include "sidecar/core/log.hpp"
#include "sidecar/redis/canary_name.hpp"
#include "sidecar/redis/kept.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;

std::string shard::link_name(const std::string& what) const {
    return at_.here == 0 ? what : what + ':' + std::to_string(at_.here);
}

shard::shard(const connector& connect, const config::config& c, core::metrics& m, core::timer_port& timers, shard_number at,
             std::string instance, delivery_numbers& numbers, const std::vector<source_reader>& readers)
    : config_(c),
      timers_(timers),
      at_(at),
      keys_{shard_prefix(c.prefix, at.here), c.outbox.key},
      commands_link_(connect(link_name("commands"), keys_.prefix)),
      commands_(*commands_link_),
      registry_(commands_, c, keys_, m, timers, std::move(instance), at),
      router_(connect(link_name("router"), keys_.prefix), commands_, outbox_feed(), c, keys_, m, timers, at),
      inbox_(connect(link_name("inbox"), keys_.prefix), commands_, c, keys_, m, timers, numbers, at),
      reaper_(commands_, c, keys_, m, timers),
      canary_(commands_, c, keys_, m, timers, at),
      callbacks_(commands_, c, keys_, timers),
      questions_(commands_, c, keys_, timers),
      courier_(commands_, c, keys_, m, timers, at) {
    for (const auto& reader : readers) {
        const auto& source = reader.settings();
        const auto& name = source.stream.empty() ? source.list : source.stream;
        if (name.empty() || at.here != 0) {
            continue;
        }
        router::feed feed{':' + name,
                          reader.key(),
                          source.pop.str(),
                          [this, &reader](const auto& entries, bool divided, const auto& referred) {
                              // What an entry was divided into is envelopes.
                              return divided ? build_batch(entries, true, referred, config_, timers_.wall(), divides())
                                             : build_batch(entries, reader, config_, timers_.wall(), divides());
                          },
                          report_outcome(),
                          reader.group(c.prefix),
                          source.from == "start" ? "0-0" : "$"};
        list_routers_.push_back(std::make_unique<router>(connect("router:" + name, keys_.prefix), commands_, std::move(feed), c,
                                                         keys_, m, timers, at));
    }
}

/// Shortly after the service was spread over shards, all names are still looked up in the first shard.
shard_number shard::divides() const {
    return registry_.grows() ? shard_number{} : at_;
}

router::feed shard::outbox_feed() {
    return {"", keys_.outbox(), config_.outbox.pop.str(),
            [this](const auto& entries, bool returned, const auto& referred) {
                return build_batch(entries, returned, referred, config_, timers_.wall(), divides());
            },
            report_outcome()};
}

push_ended shard::report_outcome() {
    return [this](std::string_view id, std::string_view target, std::string_view outcome, std::string_view reason) {
        if (!is_canary_target(target)) {
            hooks_.of_bus.pushes->on_routed(id, target, outcome, reason);
        }
    };
}

void shard::start(hooks h) {
    hooks_ = std::move(h);
    start_registry();
    commands_.start({[this] {
                         registry_.on_up();
                         ask_eviction_policy();
                     },
                     [this] { registry_.on_down(); },
                     {}});
    start_routers();
    auto* const pushes = hooks_.of_bus.pushes;
    inbox_.start({[pushes](const proto::envelope& e, const core::push_origin& from) { pushes->on_push(e, from); },
                  [this](const proto::envelope& e) { return canary_.take(e); }, [this] { return registry_.held(); },
                  [this] { return registry_.may_settle(); },
                  [pushes](const std::string& connection) { pushes->on_claimed(connection); }, [this] { canary_.proved(); },
                  [this] { return registry_.roster().is_large(); }});
    canary_.start(registry_.instance(), registry_.roster());
    callbacks_.start(registry_.instance(), hooks_.of_bus.tell, [this] { return registry_.roster().on_duty(); });
    questions_.start(registry_.instance(), hooks_.of_bus.answer);
    reaper_.start(
        registry_.instance(), registry_.roster(), [this] { return registry_.steady_since(); }, hooks_.disconnect_on_behalf);
    courier_.start({[this] { return router_.leads() ? router_.token() : std::string(); },
                    [this] { return registry_.generation(); },
                    [this](unsigned n) -> command_port& { return hooks_.other(n).commands(); },
                    [this](unsigned n) -> const keys& { return hooks_.other(n).names(); }});
    compare_masters();
}

void shard::start_registry() {
    registry::hooks r;
    r.ready = [this](bool new_history, const std::string& cursor) {
        inbox_.attend(registry_.instance(), new_history, cursor);
        canary_.renew(registry_.instance());
        router_.go();
        for (const auto& of_list : list_routers_) {
            of_list->go();
        }
        if (new_history) {
            reaper_.forget_beats();
        }
        hooks_.ready();
    };
    auto* const pushes = hooks_.of_bus.pushes;
    r.holds = [pushes](const std::string& connection) { return pushes->holds(connection); };
    r.registered = [this, pushes](const std::string& connection, core::registered there) {
        if (is_home_of(connection, at_)) {  // survivors send its disconnect event from this shard only
            pushes->on_registered(connection, there);
        }
    };
    r.retired = [this, pushes](const std::string& connection, std::string_view at) {
        pushes->on_retired(connection, place_of(at), at_.here);
    };
    r.overflowed = [this] { inbox_.settlements().refill(); };
    r.found = [this](const work& w) { on_found(w); };
    r.cursor = [this] { return inbox_.settlements().unsaid_cursor(); };
    r.cursor_said = [this](const std::string& cursor) { inbox_.settlements().cursor_said(cursor); };
    r.highest = [this] { return text_of(inbox_.reached()); };
    r.fenced = [this](core::ends_told told) { hooks_.fenced(told); };
    r.fatal = hooks_.of_bus.fatal;
    r.all = hooks_.all;
    r.publish = hooks_.publish;
    registry_.start(std::move(r));
}

void shard::start_routers() {
    router::hooks routing{[this] { return std::pair(registry_.epoch(), registry_.generation()); },
                          [this] { return registry_.instance(); }, [this] { registry_.beat(); },
                          [this] { registry_.suspect(); }, [this] { return registry_.roster().on_duty(); }};
    if (at_.several()) {
        routing.over_share = [this] { return hooks_.over_share(*this); };
        routing.sent_elsewhere = [this] { courier_.go(); };
    }
    router_.start(routing);
    for (const auto& of_list : list_routers_) {
        of_list->start(routing);
    }
}

/// The heartbeat of this instance, which is not on duty, has found work.
void shard::on_found(const work& w) {
    if (w.unrouted) {
        router_.go();
    }
    if (w.lost) {
        reaper_.help();
    }
    if (w.callbacks) {
        callbacks_.help();
    }
    if (w.unwatched) {
        reaper_.stand_in();
    }
}

/// Each connection dials Redis independently. If they have reached different masters (after a switch behind one name, with the old master
/// alive), or if no canary returns through the outbox, all of them dial again.
void shard::compare_masters() {
    compare_timer_ = timers_.after(2s, [this] { compare_masters(); });
    if (!commands_.up()) {
        return;
    }
    bool same = true;
    const auto look = [&](const command_port& of) {
        same = same && (!of.up() || of.history() == commands_.history() || of.history().empty() || commands_.history().empty());
    };
    look(inbox_.connection());
    look(router_.connection());
    for (const auto& r : list_routers_) {
        look(r->connection());
    }
    const bool silent = !canary_.well() && timers_.now() - reset_at_ > 6s;
    if (canary_.well()) {
        silent_before_ = false;
    }
    if (same && !silent) {
        return;
    }
    const char* why =
        same ? "no canary came back through the outbox" : "the connections of this instance are at different masters";
    reset_at_ = timers_.now();
    inbox_.reset(why);
    router_.reset(why);
    for (const auto& r : list_routers_) {
        r->reset(why);
    }
    // If Redis does not identify its history, or dialling again has not helped, the commands' connection may be at the wrong master.
    if (!same || std::exchange(silent_before_, true) || commands_.history().empty()) {
        same ? commands_.redial(why) : commands_.reset(why);
    }
}

/// Uses INFO, because managed services refuse CONFIG.
void shard::ask_eviction_policy() {
    commands_.send({"INFO", "memory"}, [this](proto::reply_view r) {
        constexpr std::string_view key = "maxmemory_policy:";
        const auto info = r.is_string() ? r.text() : std::string_view();
        const auto at = info.find(key);
        if (at == std::string_view::npos) {
            return;
        }
        const std::string policy(info.substr(at + key.size(), info.find_first_of("\r\n", at) - at - key.size()));
        if (policy != "noeviction" && policy != eviction_policy_) {
            core::log::warn("redis",
                            "Redis evicts keys when it is full: leases, registrations and pushes can vanish; set noeviction",
                            {{"maxmemory-policy", policy}});
        }
        eviction_policy_ = policy;
    });
}

std::string shard::trouble() const {
    if (!commands_.up()) {
        return "commands: " + commands_.state();
    }
    if (!registry_.refusal().empty()) {
        return "registry: " + registry_.refusal();
    }
    return registry_.well() ? "" : "not registered";
}

std::string shard::trouble_behind() const {
    if (!router_.up()) {
        return "router: " + router_.state();
    }
    for (const auto& r : list_routers_) {
        if (!r->up()) {
            return "router of a list: " + r->state();
        }
    }
    if (!router_.refusal().empty()) {
        return "outbox: " + router_.refusal();
    }
    for (const auto& r : list_routers_) {
        if (!r->refusal().empty()) {
            return "source '" + r->list() + "': " + r->refusal();
        }
    }
    if (!inbox_.connection().up()) {
        return "inbox: " + inbox_.connection().state();
    }
    return canary_.well() ? "" : "outbox: no canary has come back for 6 s";
}

void shard::rename(const std::string& instance) {
    reaper_.rename(instance);
    callbacks_.rename(instance);
    questions_.rename(instance);
    registry_.rename(instance);
}

void shard::configure(const config::redis& settings) {
    const endpoint where = make_endpoint(settings, keys_.prefix);
    commands_.configure(where);
    router_.configure(where);
    for (const auto& r : list_routers_) {
        r->configure(where);
    }
    inbox_.configure(where);
}

void shard::wind_down() {
    canary_.stop();
    callbacks_.stop();
    router_.wind_down();
    for (const auto& r : list_routers_) {
        r->wind_down();
    }
    reaper_.wind_down();
}

void shard::leave(std::function<void()> done) {
    // While a push is moving, nobody knows the entry under which its end is to be written.
    if (inbox_.is_moving() && moves_awaited_++ < 20) {
        leave_timer_ = timers_.after(20ms, [this, done = std::move(done)]() mutable { leave(std::move(done)); });
        return;
    }
    inbox_.wind_down();  // and says what it has settled, before the rest is given away
    registry_.stop_beating();
    reaper_.evacuate_self(std::move(done));
}

void shard::stop() {
    compare_timer_.reset();
    leave_timer_.reset();
    canary_.stop();
    callbacks_.stop();
    questions_.stop();
    courier_.stop();
    registry_.stop();
    router_.stop();
    for (const auto& r : list_routers_) {
        r->stop();
    }
    inbox_.stop();
    reaper_.stop();
    commands_.stop();
}

}  // namespace wsidecar::redis
