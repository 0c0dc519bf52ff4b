#include "sidecar/redis/bus.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iterator>
#include <vector>

#include "proto/envelope_signature.hpp"
#include "proto/ids.hpp"
#include "proto/sha1.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/rejected.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr auto patience = 1s;  ///< the longest that a 101 waits (contract section 1)
constexpr auto leave_patience = 1s;
constexpr auto echo_window = 10s;  ///< an own message that has not come back by then will not

std::uint64_t hash_of(std::string_view channel, std::string_view payload) {
    const std::hash<std::string_view> h;
    return h(channel) * 0x9E3779B97F4A7C15ULL ^ h(payload);
}

}  // namespace

/// A connection on its way into the registry: done when the script has answered and the channels are confirmed.
struct bus::enrolling {
    core::registration entry;
    bool announcing = false;  ///< only announced as yet
    std::function<void(core::enroll_result)> done;
    core::enroll_result result;
    int missing = 2;
    core::timer_port::handle deadline;

    void finish() {
        deadline.reset();
        if (const auto f = std::exchange(done, nullptr)) {
            f(result);
        }
    }
    void step() {
        if (--missing == 0) {
            finish();
        }
    }
};

bus::bus(const connector& connect, const config::config& c, core::metrics& m, core::timer_port& timers, std::string pod,
         std::string instance)
    : config_(c),
      metrics_(m),
      timers_(timers),
      pod_(std::move(pod)),
      keys_{c.prefix, c.outbox.key},
      commands_link_(connect("commands")),
      commands_(*commands_link_),
      registry_(commands_, c, keys_, m, timers, std::move(instance)),
      subscriber_(connect("subscriber"), commands_, c, keys_, m, timers),
      readers_(c.sources.begin(), c.sources.end()),
      router_(connect("router"), commands_, outbox_feed(), c, keys_, m, timers),
      inbox_(connect("inbox"), commands_, c, keys_, m, timers),
      reaper_(commands_, c, keys_, m, timers),
      canary_(commands_, c, keys_, m, timers),
      callbacks_(commands_, c, keys_, timers),
      questions_(commands_, c, keys_, timers),
      histories_(commands_, c, keys_, m, timers) {
    for (const auto& reader : readers_) {
        const auto& source = reader.settings();
        const auto& name = source.stream.empty() ? source.list : source.stream;
        if (name.empty()) {
            continue;
        }
        router::feed feed{':' + name,
                          reader.key(),
                          source.pop,
                          [this, &reader](const auto& entries, bool divided, const auto& referred) {
                              // What an entry was divided into is envelopes.
                              return divided ? build_batch(entries, true, referred, config_, timers_.wall())
                                             : build_batch(entries, reader, config_, timers_.wall());
                          },
                          told_of(),
                          reader.group(c.prefix),
                          source.from == "start" ? "0-0" : "$"};
        list_routers_.push_back(
            std::make_unique<router>(connect("router:" + name), commands_, std::move(feed), c, keys_, m, timers));
    }
}

router::feed bus::outbox_feed() {
    return {"", keys_.outbox(), config_.outbox.pop,
            [this](const auto& entries, bool returned, const auto& referred) {
                return build_batch(entries, returned, referred, config_, timers_.wall());
            },
            told_of()};
}

router::ended bus::told_of() {
    return [this](std::string_view id, std::string_view target, std::string_view outcome, std::string_view reason) {
        if (!target.starts_with("ccanary:")) {
            hooks_.pushes->on_routed(id, target, outcome, reason);
        }
    };
}

void bus::start(core::bus_hooks hooks) {
    hooks_ = std::move(hooks);
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
        send_early();
    };
    r.holds = [this](const std::string& connection) { return hooks_.pushes->holds(connection); };
    r.registered = [this](const std::string& connection, core::registered there) {
        hooks_.pushes->on_registered(connection, there);
    };
    r.retired = [this](const std::string& connection, std::string_view at) {
        const auto [ms, seq] = place_of(at);
        hooks_.pushes->on_retired(connection, {ms, seq});
    };
    r.overflowed = [this] { inbox_.refill(); };
    r.found = [this](const registry::work& w) { on_found(w); };
    r.cursor = [this] { return inbox_.unsaid_cursor(); };
    r.cursor_said = [this](const std::string& cursor) { inbox_.cursor_said(cursor); };
    r.highest = [this] { return inbox_.highest(); };
    r.fenced = [this](bool spoken_for) { on_fenced(spoken_for); };
    r.fatal = hooks_.fatal;
    r.all = [this] { return hooks_.pushes->enrolled(); };
    registry_.start(std::move(r));

    subscriber::hooks s;
    s.push = [this](const proto::envelope& e) { hooks_.pushes->on_push(e, {}); };
    s.gap = [this] { hooks_.pushes->on_gap(); };
    s.question = [this](std::string_view payload) { questions_.on_question(payload); };
    s.roll_call = [this](std::string_view who) { registry_.on_roll_call(who); };
    s.reject = [this](const char* label, const std::string& reason, std::string_view bytes) { reject(label, reason, bytes); };
    s.source = [this](std::size_t n, std::string_view channel, std::string_view payload) { on_source(n, channel, payload); };
    subscriber_.start(registry_.instance(), registry_.roster(), std::move(s));

    commands_.start({[this] {
                         registry_.on_up();
                         ask_eviction_policy();
                     },
                     [this] { registry_.on_down(); },
                     {}});
    const router::hooks routing{[this] { return std::pair(registry_.epoch(), registry_.generation()); },
                                [this] { return registry_.instance(); }, [this] { registry_.beat(); },
                                [this] { registry_.suspect(); }, [this] { return registry_.roster().on_duty(); }};
    router_.start(routing);
    for (const auto& of_list : list_routers_) {
        of_list->start(routing);
    }
    inbox_.start([this](const proto::envelope& e, const core::push_origin& from) { hooks_.pushes->on_push(e, from); },
                 [this](const proto::envelope& e) { return canary_.take(e); },
                 {[this] { return registry_.held(); }, [this] { return registry_.well(); },
                  [this](const std::string& connection) { hooks_.pushes->on_claimed(connection); },
                  [this] { canary_.proved(); }, [this] { return registry_.roster().is_large(); }});
    canary_.start(registry_.instance(), registry_.roster());
    callbacks_.start(registry_.instance(), hooks_.tell, [this] { return registry_.roster().on_duty(); });
    questions_.start(registry_.instance(), hooks_.answer);
    reaper_.start(
        registry_.instance(), registry_.roster(), [this] { return registry_.steady_since(); }, hooks_.speak_for);
    early_timer_ = timers_.after(patience, [this] { send_early(); });
    compare_masters();
}

/// This instance is not on duty, and its beat has found something to do.
void bus::on_found(const registry::work& w) {
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

/// Each connection finds its own way to Redis. Should they have come to different masters (a switch behind one name, with the old one alive), or
/// should the outbox be silent, all of them look anew.
void bus::compare_masters() {
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
    // Where Redis does not name its history, or looking anew has not helped, it may be this one that is elsewhere.
    if (!same || std::exchange(silent_before_, true) || commands_.history().empty()) {
        commands_.reset(why);
    }
}

void bus::stop() {
    early_timer_.reset();
    leave_timer_.reset();
    compare_timer_.reset();
    canary_.stop();
    callbacks_.stop();
    questions_.stop();
    registry_.stop();
    subscriber_.stop();
    router_.stop();
    for (const auto& r : list_routers_) {
        r->stop();
    }
    inbox_.stop();
    reaper_.stop();
    commands_.stop();
}

/// INFO, because CONFIG is not allowed on managed services.
void bus::ask_eviction_policy() {
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

// --------------------------------------------------------------------------------------------------- registry

void bus::announce(const core::registration& r, std::function<void()> done) {
    const auto e = std::make_shared<enrolling>();
    e->entry = r;
    e->announcing = true;
    e->done = [done = std::move(done)](core::enroll_result) { done(); };
    begin(e);
}

void bus::enroll(const core::registration& r, std::function<void(core::enroll_result)> done) {
    const auto e = std::make_shared<enrolling>();
    e->entry = r;
    e->done = std::move(done);
    begin(e);
}

void bus::begin(const std::shared_ptr<enrolling>& e) {
    e->deadline = timers_.after(patience, [this, weak = std::weak_ptr(e)] {
        if (const auto late = weak.lock()) {
            hung_ = true;
            late->finish();
        }
    });
    if (first_contact_) {
        begin_now(e);
    } else {
        early_.push_back(e);  // just started: whether Redis is there shows in a moment
    }
}

void bus::begin_now(const std::shared_ptr<enrolling>& e) {
    subscriber_.want(e->entry, [e] { e->step(); });
    const auto answered = [this, e](std::optional<core::enroll_result> result) {
        hung_ = hung_ && !result;
        if (!result) {
            e->finish();  // Redis is down: at once
            return;
        }
        e->result = *result;
        result->outcome == core::enroll_outcome::done ? e->step() : e->finish();
    };
    if (e->announcing) {
        registry_.announce(e->entry, answered);
    } else {
        registry_.enroll(e->entry, answered);
    }
    if (hung_) {
        e->finish();
    }
}

void bus::send_early() {
    first_contact_ = true;
    early_timer_.reset();
    const auto waiting = std::move(early_);
    early_.clear();
    for (const auto& e : waiting) {
        begin_now(e);
    }
}

void bus::retire(const std::string& connection, std::function<void(std::optional<std::uint32_t>)> done) {
    subscriber_.drop(connection);
    // Whoever enrolled it is told all the same: the end of the connection waits for that.
    const auto its_own = [&](const auto& e) { return e->entry.connection == connection; };
    std::vector<std::shared_ptr<enrolling>> dropped;
    std::copy_if(early_.begin(), early_.end(), std::back_inserter(dropped), its_own);
    std::erase_if(early_, its_own);
    for (const auto& e : dropped) {
        e->finish();
    }
    registry_.retire(connection, std::move(done));
}

void bus::bequeath(const core::lost_connection& lost) {
    boost::json::object entry{
        {"connection", lost.connection},
        {"instance", lost.instance},
        {"user", lost.user},
        {"path", lost.path},
        {"state", lost.state},
        {"code", lost.close_code},
        {"close_reason", lost.close_reason},
        {"why", lost.reason},
        {"at", std::chrono::duration_cast<std::chrono::milliseconds>(lost.since.time_since_epoch()).count()}};
    if (lost.user_connections) {
        entry["left"] = *lost.user_connections;
    }
    reaper_.pause();
    registry_.bequeath(lost.connection, boost::json::serialize(entry));
}

void bus::on_fenced(bool spoken_for) {
    if (spoken_for) {
        hooks_.pushes->on_fenced();
    }  // else they go on, and are registered under the new id
    const std::string instance = pod_ + "-" + proto::random_hex128().substr(0, 8);
    core::log::warn("registry", "goes on under a new id", {{"instance", instance}});
    reaper_.rename(instance);
    callbacks_.rename(instance);
    questions_.rename(instance);
    hooks_.renamed(instance);
    registry_.rename(instance);
}

// -------------------------------------------------------------------------------------------------- operators

core::bus_status bus::status() const {
    if (!commands_.up()) {
        return {false, "commands: " + commands_.state()};
    }
    if (!registry_.well()) {
        return {false, "not registered"};
    }
    if (!registry_.refusal().empty()) {
        return {false, "registry: " + registry_.refusal()};
    }
    if (!subscriber_.well()) {
        return {false, "subscription: " + subscriber_.state()};
    }
    if (!router_.up()) {
        return {false, "router: " + router_.state()};
    }
    for (const auto& r : list_routers_) {
        if (!r->up()) {
            return {false, "router of a list: " + r->state()};
        }
    }
    if (!inbox_.up()) {
        return {false, "inbox: " + inbox_.state()};
    }
    if (!canary_.well()) {
        return {false, "outbox: no canary has come back for 6 s"};
    }
    return {true, "ok"};
}

void bus::push(const std::string& envelope, std::function<void(std::optional<problem>)> done) {
    const char* command = config_.outbox.pop == "left" ? "RPUSH" : "LPUSH";
    commands_.send({command, keys_.outbox(), envelope}, [done = std::move(done)](proto::reply_view r) {
        if (r.is_integer()) {
            done(std::nullopt);
        } else if (r.is_error()) {
            done(problem{"redis_error", "Redis refuses to take it; see the log"});
        } else {
            done(problem{"redis_down", "Redis does not answer; whether it took the push is not known"});
        }
    });
}

void bus::reject(const char* label, const std::string& reason, std::string_view bytes) {
    metrics_.rejected.at({label}) += 1;
    core::log::limited(core::log::level::warn, "subscriber", "an envelope of the push channel is rejected",
                       {{"reason", reason}});
    // Every pod sees it: the first one lists it.
    const std::string key = proto::sha1_hex(bytes);
    scripts::reject_once.run(
        commands_, keys_("rejected"),
        {keys_.prefix, key, rejected_record(reason, bytes, timers_.wall()), std::to_string(config_.rejected.count)});
}

void bus::send_inbound(const std::string& connection, const std::string& channel, const std::string& list,
                       std::string_view payload) {
    const auto counted = [this](proto::reply_view r) {
        if (!r.is_integer()) {
            metrics_.undelivered.at({r.is_error() ? "redis_error" : "redis_down"}) += 1;
        }
    };
    if (!list.empty()) {
        commands_.send({"RPUSH", list, std::string(payload)}, counted);
    }
    if (channel.empty()) {
        return;
    }
    const bool remembered = std::any_of(readers_.begin(), readers_.end(), [&](const source_reader& r) {
        const auto& s = r.settings();
        return !s.echo && (s.channel == channel || (!s.pattern.empty() && stars_of(s.pattern, channel).has_value()));
    });
    if (remembered) {
        const auto now = timers_.now();
        while (!own_messages_.empty() && now - own_messages_.front().at > echo_window) {
            own_messages_.pop_front();
        }
        own_messages_.push_back({hash_of(channel, payload), connection, now});
    }
    commands_.send({"PUBLISH", channel, std::string(payload)}, counted);
}

void bus::broadcast(const proto::envelope& push) {
    if (!commands_.up()) {
        metrics_.undelivered.at({"redis_down"}) += 1;
        hooks_.pushes->on_push(push, {});
        return;
    }
    // Where only subscribers need to see it, only they do.
    const bool narrow = push.to.of_broker() && push.to.destinations.size() == 1 && !config_.redis.sharded;
    commands_.send({config_.redis.sharded ? "SPUBLISH" : "PUBLISH",
                    narrow ? keys_("broadcast:", push.to.destinations.front()) : keys_("push"),
                    proto::sign_envelope(proto::encode_envelope(push), config_.push.secrets)},
                   [this](proto::reply_view r) {
                       if (!r.is_integer()) {
                           metrics_.undelivered.at({r.is_error() ? "redis_error" : "redis_down"}) += 1;
                       }
                   });
}

void bus::settled(core::delivery_id id, core::delivery_outcome o) {
    if ((id & core::of_channel) == 0) {
        inbox_.settled(id, std::move(o));
        return;
    }
    if (const auto told = told_pushes_.extract(id); told && o.reached > 0) {
        scripts::owe_once.run(commands_, keys_("callbacks"), {keys_.prefix, told.mapped().sum, told.mapped().callback});
    }
}

/// A message of the app's own channel: at most once, as pub/sub is. Every pod reads it and delivers it to its own.
void bus::on_source(std::size_t number, std::string_view channel, std::string_view payload) {
    const auto& reader = readers_[number];
    auto push =
        reader.read({channel, stars_of(reader.settings().pattern, channel).value_or(std::vector<std::string>())}, payload);
    if (!push) {
        const auto& p = push.error();
        metrics_.undelivered.at({p.reason}) += 1;
        // The limiter goes by the message: each source has its own.
        const auto& s = reader.settings();
        core::log::limited(core::log::level::warn, "sources",
                           "a message of the source " + (s.channel.empty() ? s.pattern : s.channel) + " is not delivered",
                           {{"channel", channel}, {"reason", p.reason}, {"detail", p.detail}, {"bytes", payload.size()}});
        return;
    }
    metrics_.source_messages.value() += 1;
    if (!reader.settings().echo) {
        const auto mine = std::find_if(own_messages_.begin(), own_messages_.end(),
                                       [hash = hash_of(channel, payload)](const auto& m) { return m.hash == hash; });
        if (mine != own_messages_.end()) {
            push->except.connections.push_back(std::move(mine->connection));
            own_messages_.erase(mine);
        }
    }
    core::push_origin from;
    if (!push->callback.empty()) {
        from.id =
            next_told_++ | core::of_channel | (push->by_write || config_.outbox.confirm == "write" ? 0 : core::confirm_by_pong);
        from.everywhere = true;
        told_pushes_.emplace(from.id,
                             told_push{proto::sha1_hex(std::string(channel) + '\n' + std::string(payload)), push->callback});
    }
    hooks_.pushes->on_push(*push, from);
}

// ------------------------------------------------------------------------------------------------------ leaving

void bus::configure(const config::redis& settings) {
    const endpoint where = make_endpoint(settings, config_.prefix);
    commands_.configure(where);
    subscriber_.configure(where);
    router_.configure(where);
    for (const auto& r : list_routers_) {
        r->configure(where);
    }
    inbox_.configure(where);
}

void bus::wind_down() {
    canary_.stop();
    callbacks_.stop();
    router_.wind_down();
    for (const auto& r : list_routers_) {
        r->wind_down();
    }
    reaper_.wind_down();
}

void bus::leave(std::function<void()> done) {
    inbox_.wind_down();  // and says what it has settled, before the rest is given away
    registry_.stop_beating();
    const auto once = std::make_shared<std::function<void()>>(std::move(done));
    const auto finish = [once] {
        if (const auto f = std::exchange(*once, nullptr)) {
            f();
        }
    };
    leave_timer_ = timers_.after(leave_patience, finish);
    reaper_.evacuate_self(finish);
}

}  // namespace wsidecar::redis
