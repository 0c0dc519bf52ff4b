#include "sidecar/redis/bus.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iterator>
#include <vector>

#include "proto/envelope_signature.hpp"
#include "proto/text/ids.hpp"
#include "proto/text/sha1.hpp"
#include "sidecar/core/keyed_hash.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/rejected.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr auto patience = 1s;  ///< the longest that a 101 waits (contract section 1)
constexpr auto leave_patience = 1s;
constexpr auto until_all_divide = 10s;  ///< the instances do not learn of new shards at the same moment
constexpr auto echo_window = 10s;       ///< an own message that has not come back by then will not

std::uint64_t hash_of(std::string_view channel, std::string_view payload) {
    return core::keyed_hash(channel) * 0x9E3779B97F4A7C15ULL ^ core::keyed_hash(payload);
}

}  // namespace

/// A connection on its way into the registry: done when the scripts have answered and the channels are confirmed.
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

/// What the shards say of one registration.
struct bus::joined {
    registry::counted done;
    core::enroll_result result{core::enroll_outcome::done, std::nullopt, 0};
    unsigned missing = 0;
    unsigned user_at = 0;  ///< the shard that counts the user's connections
    bool down = false;

    void add(unsigned number, const std::optional<core::enroll_result>& r) {
        down = down || !r;
        if (r) {
            result.mailbox += r->mailbox;
            result.user_connections = number == user_at ? r->user_connections : result.user_connections;
            result.outcome = r->outcome == core::enroll_outcome::refused ? r->outcome : result.outcome;
        }
        if (--missing == 0) {
            done(down ? std::nullopt : std::optional(result));
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
      any_{0, c.shards},
      readers_(c.sources.begin(), c.sources.end()),
      shards_([&] {
          std::vector<std::unique_ptr<shard>> all;
          for (unsigned n = 0; n < c.shards; ++n) {
              all.push_back(
                  std::make_unique<shard>(connect, c, m, timers, shard_number{n, c.shards}, instance, numbers_, readers_));
          }
          return all;
      }()),
      histories_(first().commands(), c, keys_, m, timers),
      not_ready_(c.shards >= shards_at_most ? ~0ULL : (1ULL << c.shards) - 1) {
    subscribers_.push_back(std::make_unique<subscriber>(connect("subscriber", c.prefix), first().commands(), c, keys_, m,
                                                        timers, shard_number{0, c.redis.sharded ? c.shards : 1}));
    for (unsigned n = 1; n < c.shards && c.redis.sharded; ++n) {
        const auto& names = shards_[n]->names();
        subscribers_.push_back(std::make_unique<subscriber>(connect("subscriber:" + std::to_string(n), names.prefix),
                                                            shards_[n]->commands(), c, names, m, timers,
                                                            shard_number{n, c.shards}));
    }
}

void bus::start(core::bus_hooks hooks) {
    hooks_ = std::move(hooks);
    start_subscribers();
    for (const auto& s : shards_) {
        s->start(hooks_of(s->number()));
    }
    early_timer_ = timers_.after(patience, [this] { send_early(); });
}

void bus::start_subscribers() {
    subscriber::hooks s;
    s.push = [this](const proto::envelope& e) { hooks_.pushes->on_push(e, {}); };
    s.gap = [this] { hooks_.pushes->on_gap(); };
    s.question = [this](std::string_view payload) { first().questions().on_question(payload); };
    s.roll_call = [this](std::string_view prefix, std::string_view who) {
        for (const auto& of : shards_) {
            if (of->names().prefix == prefix) {
                of->registry().on_roll_call(who);
            }
        }
    };
    s.reject = [this](const char* label, const std::string& reason, std::string_view bytes) { reject(label, reason, bytes); };
    s.source = [this](std::size_t n, std::string_view channel, std::string_view payload) { on_source(n, channel, payload); };
    for (const auto& of : subscribers_) {
        of->start(first().registry().instance(), first().registry().roster(), s);
    }
}

shard::hooks bus::hooks_of(unsigned number) {
    shard::hooks h;
    h.of_bus = hooks_;
    h.ready = [this, number] { on_ready(number); };
    h.fenced = [this, number](bool spoken_for) { on_fenced(number, spoken_for); };
    h.all = [this, number] { return all_for(number); };
    h.publish = [this](std::string envelope) {
        first().commands().send({config_.redis.sharded ? "SPUBLISH" : "PUBLISH", keys_("push"), std::move(envelope)});
    };
    h.over_share = [this](const shard& s) { return over_share(s); };
    h.other = [this](unsigned n) -> shard& { return *shards_[n]; };
    h.disconnect_on_behalf = [this](const core::lost_connection& lost, std::function<void(bool)> done) {
        disconnect_on_behalf(lost, std::move(done));
    };
    return h;
}

/// The shards are routed by all instances: each has its part of them, and one more, so that none is left when they do not divide evenly.
bool bus::over_share(const shard& s) const {
    const auto instances = first().registry().instances();
    const auto routed = std::count_if(shards_.begin(), shards_.end(), [](const auto& x) { return x->routes(); });
    const auto share = (shards_.size() + instances - 1) / instances + 1;
    return instances > 1 && static_cast<std::size_t>(routed) + (s.routes() ? 0 : 1) > share;
}

void bus::on_ready(unsigned number) {
    not_ready_ &= ~(1ULL << number);
    if (not_ready_ == 0) {
        send_early();
    }
}

void bus::stop() {
    early_timer_.reset();
    leave_timer_.reset();
    for (const auto& s : subscribers_) {
        s->stop();
    }
    for (const auto& s : shards_) {
        s->stop();
    }
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
    subscribe(e);
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
        auto& at = of_name('c' + e->entry.connection);
        if (any_.several()) {
            homes_[e->entry.connection].shards |= 1ULL << at.number();
        }
        at.registry().announce(e->entry, answered);
    } else if (any_.several()) {
        enroll_in_shards(e->entry, answered);
    } else {
        first().registry().enroll(e->entry, answered);
    }
    if (hung_) {
        e->finish();
    }
}

void bus::subscribe(const std::shared_ptr<enrolling>& e) {
    const auto missing = std::make_shared<std::size_t>(subscribers_.size());
    for (const auto& s : subscribers_) {
        s->want(e->entry, [e, missing] {
            if (--*missing == 0) {
                e->step();
            }
        });
    }
}

/// First where its user's connections are counted, which may refuse it.
void bus::enroll_in_shards(const core::registration& r, registry::counted done) {
    home& at = homes_[r.connection];
    at.shards |= needs(r);
    at.user = r.user;
    const auto all = std::make_shared<joined>();
    all->user_at = shard_of('u' + r.user, any_);
    const auto shards = at.shards;
    if (r.user.empty() || config_.connections_per_user == 0) {
        all->done = std::move(done);
        enroll_in(shards, r, all);
        return;
    }
    const auto user_at = 1ULL << all->user_at;
    all->done = [this, r, user_at, shards, done = std::move(done)](std::optional<core::enroll_result> first_said) {
        if (first_said && first_said->outcome == core::enroll_outcome::refused) {
            done(first_said);
            return;
        }
        const auto others = std::make_shared<joined>();
        others->user_at = shards_at_most;  // known
        others->down = !first_said;
        others->result = first_said.value_or(others->result);
        others->done = done;
        enroll_in(shards & ~user_at, r, others);
    };
    enroll_in(user_at, r, all);
}

void bus::enroll_in(std::uint64_t shards, const core::registration& r, const std::shared_ptr<joined>& all) {
    all->missing = 1;
    for (const auto& s : shards_) {
        if ((shards >> s->number() & 1U) != 0) {
            ++all->missing;
            s->registry().enroll(part(r, s->number()),
                                 [all, n = s->number()](std::optional<core::enroll_result> said) { all->add(n, said); });
        }
    }
    all->add(shards_at_most, core::enroll_result{core::enroll_outcome::done, std::nullopt, 0});
}

std::uint64_t bus::needs(const core::registration& r) const {
    return shards_of(r, any_.count) | (first().registry().grows(until_all_divide) ? 1U : 0U);
}

/// As long as the first shard finds everybody, it is told all.
core::registration bus::part(const core::registration& r, unsigned number) const {
    const bool whole = number == 0 && first().registry().grows(until_all_divide);
    return whole ? r : part_of(r, {number, any_.count});
}

std::vector<core::registration> bus::all_for(unsigned number) const {
    auto all = hooks_.pushes->enrolled();
    if (any_.several()) {
        std::erase_if(all, [&](const auto& r) { return (needs(r) >> number & 1U) == 0; });
        for (auto& r : all) {
            r = part(r, number);
        }
    }
    return all;
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

void bus::retire(const core::registration& last, std::function<void(std::optional<std::uint32_t>)> done) {
    const std::string& connection = last.connection;
    for (const auto& s : subscribers_) {
        s->drop(connection);
    }
    // Whoever enrolled it is told all the same: the end of the connection waits for that.
    const auto its_own = [&](const auto& e) { return e->entry.connection == connection; };
    std::vector<std::shared_ptr<enrolling>> dropped;
    std::copy_if(early_.begin(), early_.end(), std::back_inserter(dropped), its_own);
    std::erase_if(early_, its_own);
    for (const auto& e : dropped) {
        e->finish();
    }
    if (any_.several()) {
        retire_from_shards(last, std::move(done));
    } else {
        first().registry().retire(last, std::move(done));
    }
}

void bus::retire_from_shards(const core::registration& last, std::function<void(std::optional<std::uint32_t>)> done) {
    struct answers {
        std::function<void(std::optional<std::uint32_t>)> done;
        std::optional<std::uint32_t> left;
        unsigned missing = 1;
        void step() {
            if (--missing == 0) {
                done(left);
            }
        }
    };
    const auto all = std::make_shared<answers>();
    all->done = std::move(done);
    const auto found = homes_.find(last.connection);
    const home at = found == homes_.end() ? home{1ULL << of_name('c' + last.connection).number(), {}} : found->second;
    const unsigned user_at = shard_of('u' + at.user, any_);
    for (const auto& s : shards_) {
        if ((at.shards >> s->number() & 1U) != 0) {
            ++all->missing;
            s->registry().retire(part(last, s->number()), [all, counts = s->number() == user_at && !at.user.empty()](auto left) {
                all->left = counts ? left : all->left;
                all->step();
            });
        }
    }
    all->step();
}

/// Nothing of it needs to stay anywhere.
void bus::forget(const std::string& connection) {
    const auto found = homes_.extract(connection);
    const auto shards = found ? found.mapped().shards : 1ULL << of_name('c' + connection).number();
    for (const auto& s : shards_) {
        if ((shards >> s->number() & 1U) != 0) {
            s->registry().forget(connection);
        }
    }
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
    shard& speaks = of_name('c' + lost.connection);
    speaks.reaper().pause();
    if (const auto found = homes_.extract(lost.connection)) {
        for (const auto& s : shards_) {
            if (s.get() != &speaks && (found.mapped().shards >> s->number() & 1U) != 0) {
                s->registry().forget(lost.connection);
            }
        }
    }
    speaks.registry().bequeath(lost.connection, boost::json::serialize(entry));
}

/// A survivor in the shard of the connection's id knows what it was; how many its user has left is known in the user's.
void bus::disconnect_on_behalf(const core::lost_connection& lost, std::function<void(bool)> done) {
    if (!any_.several() || lost.user.empty() || lost.reason != "pod_lost") {
        hooks_.disconnect_on_behalf(lost, std::move(done));
        return;
    }
    shard& at = of_name('u' + lost.user);
    at.commands().send({"HGETALL", at.names()("presence:", lost.user)}, [this, lost,
                                                                         done = std::move(done)](proto::reply_view r) {
        core::lost_connection told = lost;
        told.user_connections.reset();
        if (r.is_array()) {
            // That one may still stand there, with all that its instance had.
            const std::string instance = boost::json::serialize(boost::json::string(lost.instance));
            std::uint32_t left = 0;
            for (std::size_t i = 0; i + 1 < r.size(); i += 2) {
                const bool gone = r[i].text() == lost.connection || r[i + 1].text().find(instance) != std::string_view::npos;
                left += gone ? 0U : 1U;
            }
            told.user_connections = left;
        }
        hooks_.disconnect_on_behalf(told, done);
    });
}

void bus::on_fenced(unsigned number, bool spoken_for) {
    if (spoken_for) {
        std::function<bool(const std::string&)> whose;
        if (any_.several()) {
            whose = [this, number](const std::string& connection) { return shard_of('c' + connection, any_) == number; };
        }
        hooks_.pushes->on_fenced(whose);
    }  // else they go on, and are registered under the new id
    const std::string instance = pod_ + "-" + proto::random_hex128().substr(0, 8);
    core::log::warn("registry", "goes on under a new id", {{"instance", instance}});
    if (number == 0) {
        hooks_.renamed(instance);
    }
    shards_[number]->rename(instance);
}

// -------------------------------------------------------------------------------------------------- operators

core::bus_status bus::status() const {
    std::string what;
    std::size_t well = 0;
    const auto look = [&](const shard& s, std::string trouble) {
        if (!trouble.empty() && what.empty()) {
            what = (s.number() == 0 ? "" : "shard " + std::to_string(s.number()) + ": ") + trouble;
        }
    };
    for (const auto& s : shards_) {
        auto trouble = s->trouble();
        well += trouble.empty() ? 1U : 0U;
        look(*s, std::move(trouble));
    }
    metrics_.shards_well.value() = static_cast<double>(well);
    for (std::size_t n = 0; n < subscribers_.size(); ++n) {
        look(*shards_[n], subscribers_[n]->well() ? "" : "subscription: " + subscribers_[n]->state());
    }
    for (const auto& s : shards_) {
        look(*s, s->trouble_behind());
    }
    return what.empty() ? core::bus_status{true, "ok"} : core::bus_status{false, what};
}

/// A list may be in all shards.
void bus::seek(core::list_kind kind, const std::string& name, const std::string& id,
               std::function<void(core::sightings)> done) {
    if (kind == core::list_kind::mailbox) {
        of_name(name).questions().seek(kind, name, id, std::move(done));
        return;
    }
    if (!any_.several() || kind == core::list_kind::receipts || kind == core::list_kind::rejected) {
        first().questions().seek(kind, name, id, std::move(done));
        return;
    }
    struct found {
        core::sightings all{true, 0, 0, {}};
        std::size_t missing = 0;
    };
    const auto f = std::make_shared<found>();
    f->missing = shards_.size();
    for (const auto& s : shards_) {
        s->questions().seek(kind, name, id, [f, done](core::sightings some) {
            f->all.answered = f->all.answered && some.answered;
            f->all.length += some.length;
            f->all.looked += some.looked;
            f->all.found.insert(f->all.found.end(), some.found.begin(), some.found.end());
            if (--f->missing == 0) {
                done(std::move(f->all));
            }
        });
    }
}

void bus::push(const std::string& envelope, std::function<void(std::optional<problem>)> done) {
    const char* command = config_.outbox.pop == "left" ? "RPUSH" : "LPUSH";
    first().commands().send({command, keys_.outbox(), envelope}, [done = std::move(done)](proto::reply_view r) {
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
        first().commands(), keys_("rejected"),
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
        first().commands().send({"RPUSH", list, std::string(payload)}, counted);
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
    first().commands().send({"PUBLISH", channel, std::string(payload)}, counted);
}

void bus::broadcast(const proto::envelope& push) {
    if (!first().commands().up()) {
        metrics_.undelivered.at({"redis_down"}) += 1;
        hooks_.pushes->on_push(push, {});
        return;
    }
    // Where only subscribers need to see it, only they do.
    const bool narrow = push.to.of_broker() && push.to.destinations.size() == 1 && !config_.redis.sharded;
    first().commands().send({config_.redis.sharded ? "SPUBLISH" : "PUBLISH",
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
        shards_[any_.several() ? delivery_numbers::shard_of(id) : 0]->inbox().settled(id, std::move(o));
        return;
    }
    if (const auto told = told_pushes_.extract(id); told && o.reached > 0) {
        scripts::owe_once.run(first().commands(), keys_("callbacks"),
                              {keys_.prefix, told.mapped().sum, told.mapped().callback});
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
    for (const auto& s : shards_) {
        s->configure(settings);
    }
    for (std::size_t n = 0; n < subscribers_.size(); ++n) {
        subscribers_[n]->configure(make_endpoint(settings, shards_[n]->names().prefix));
    }
}

void bus::wind_down() {
    for (const auto& s : shards_) {
        s->wind_down();
    }
}

void bus::leave(std::function<void()> done) {
    const auto once = std::make_shared<std::function<void()>>(std::move(done));
    const auto finish = [once] {
        if (const auto f = std::exchange(*once, nullptr)) {
            f();
        }
    };
    leave_timer_ = timers_.after(leave_patience, finish);
    const auto missing = std::make_shared<std::size_t>(shards_.size());
    for (const auto& s : shards_) {
        s->leave([missing, finish] {
            if (--*missing == 0) {
                finish();
            }
        });
    }
}

}  // namespace wsidecar::redis
