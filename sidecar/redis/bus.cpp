#include "sidecar/redis/bus.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <vector>

#include "proto/text/ids.hpp"
#include "proto/text/sha1.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/lookups.hpp"
#include "sidecar/redis/rejected.hpp"
#include "sidecar/redis/scripts.hpp"
#include "sidecar/redis/signed_envelope.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr auto leave_patience = 1s;  ///< for saying what is settled, and handing the rest on

/// Why Redis has not carried out a command whose reply is a number; nullopt if it has.
std::optional<core::undelivered_reason> why_not_done(proto::reply_view r) {
    if (r.is_integer()) {
        return std::nullopt;
    }
    return r.is_error() ? core::undelivered_reason::redis_error : core::undelivered_reason::redis_down;
}

}  // namespace

bus::bus(const connector& connect, const config::config& c, core::metrics& m, core::timer_port& timers, std::string pod,
         std::string instance)
    : config_(c),
      metrics_(m),
      timers_(timers),
      pod_(std::move(pod)),
      keys_{c.prefix, c.outbox.key},
      any_{0, c.shards},
      readers_([&] {
          std::vector<source_reader> all;
          for (const auto& s : c.sources) {
              all.emplace_back(s, c.outbox.max_envelope);
          }
          return all;
      }()),
      shards_([&] {
          std::vector<std::unique_ptr<shard>> all;
          for (unsigned n = 0; n < c.shards; ++n) {
              all.push_back(
                  std::make_unique<shard>(connect, c, m, timers, shard_number{n, c.shards}, instance, numbers_, readers_));
          }
          return all;
      }()),
      registry_of_shards_(shards_, c),
      enrollments_(timers),
      sources_(readers_, first().commands(), c, keys_, m, timers),
      histories_(
          [this] {
              std::vector<histories::store> all;
              for (const auto& s : shards_) {
                  all.push_back({s->commands(), s->names()});
              }
              return all;
          }(),
          c, m, timers),
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
    enrollments_.start({[this](enrollments::kind k, const core::registration& r, enrollments::answered done) {
                            k == enrollments::kind::announce ? registry_of_shards_.announce(r, std::move(done))
                                                             : registry_of_shards_.enroll(r, std::move(done));
                        },
                        [this](const core::registration& r, const std::function<void()>& done) { subscribe(r, done); }});
    sources_.start([this](const proto::envelope& e, const core::push_origin& from) { hooks_.pushes->on_push(e, from); });
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
    s.source = [this](std::size_t n, std::string_view channel, std::string_view payload) {
        sources_.on_message(n, channel, payload);
    };
    for (const auto& of : subscribers_) {
        of->start(first().registry().instance(), first().registry().roster(), s);
    }
}

shard::hooks bus::hooks_of(unsigned number) {
    shard::hooks h;
    h.of_bus = hooks_;
    h.ready = [this, number] { on_ready(number); };
    h.fenced = [this, number](core::ends_told told) { on_fenced(number, told); };
    h.all = [this, number] { return registry_of_shards_.part_for(number, hooks_.pushes->enrolled()); };
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

/// All instances share the routing of the shards. Each routes at most its share plus one, so that none is left if they do not divide evenly.
bool bus::over_share(const shard& s) const {
    const auto instances = first().registry().instances();
    const auto routed = std::count_if(shards_.begin(), shards_.end(), [](const auto& x) { return x->routes(); });
    const auto share = (shards_.size() + instances - 1) / instances + 1;
    return instances > 1 && static_cast<std::size_t>(routed) + (s.routes() ? 0 : 1) > share;
}

void bus::on_ready(unsigned number) {
    not_ready_ &= ~(1ULL << number);
    if (not_ready_ == 0) {
        enrollments_.on_first_contact();
    }
}

void bus::stop() {
    enrollments_.stop();
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
    enrollments_.begin(enrollments::kind::announce, r, [done = std::move(done)](const auto&) { done(); });
}

void bus::enroll(const core::registration& r, std::function<void(core::enroll_result)> done) {
    enrollments_.begin(enrollments::kind::enroll, r, std::move(done));
}

void bus::subscribe(const core::registration& r, const std::function<void()>& done) {
    const auto missing = std::make_shared<std::size_t>(subscribers_.size());
    for (const auto& s : subscribers_) {
        s->want(r, [done, missing] {
            if (--*missing == 0) {
                done();
            }
        });
    }
}

void bus::retire(const core::registration& last, std::function<void(std::optional<std::uint32_t>)> done) {
    for (const auto& s : subscribers_) {
        s->drop(last.connection);
    }
    enrollments_.drop(last.connection);
    registry_of_shards_.retire(last, std::move(done));
}

/// A survivor has the connection's record from the shard of its id. The number of its user's connections is in the user's shard.
void bus::disconnect_on_behalf(const core::lost_connection& lost, std::function<void(bool)> done) {
    if (!any_.several() || lost.user.empty() || lost.reason != "pod_lost") {
        hooks_.disconnect_on_behalf(lost, std::move(done));
        return;
    }
    shard& at = registry_of_shards_.of_name('u' + lost.user);
    at.commands().send({"HGETALL", at.names()("presence:", lost.user)}, [this, lost,
                                                                         done = std::move(done)](proto::reply_view r) {
        core::lost_connection told = lost;
        told.user_connections.reset();
        if (r.is_array()) {
            // The ended connection may still be counted there, with the other connections of its instance.
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

void bus::on_fenced(unsigned number, core::ends_told told) {
    if (told != core::ends_told::no) {
        std::function<bool(const std::string&)> concerned;
        if (any_.several()) {
            concerned = [this, number](const std::string& connection) { return shard_of('c' + connection, any_) == number; };
        }
        hooks_.pushes->on_fenced(told, concerned);
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

void bus::look_up(const std::string& user, std::function<void(core::registry_view)> done) {
    shard& at = user.empty() ? first() : registry_of_shards_.of_name('u' + user);
    redis::look_up(at.commands(), at.names(), user, std::move(done));
}

void bus::look_up_history(const std::string& target, std::function<void(core::registry_view)> done) {
    shard& at = registry_of_shards_.of_name(target);
    redis::look_up_history(at.commands(), at.names(), target, std::move(done));
}

/// A list may be in all shards.
void bus::seek(core::list_kind kind, const std::string& name, const std::string& id,
               std::function<void(core::sightings)> done) {
    if (kind == core::list_kind::mailbox) {
        registry_of_shards_.of_name(name).questions().seek(kind, name, id, std::move(done));
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

core::position bus::reached(const std::vector<std::string>& names) const {
    core::position out;
    for (const auto& name : names) {
        const shard& at = registry_of_shards_.of_name(name);
        out.reach(in_shard(at.inbox().reached(), {at.number(), any_.count}));
    }
    return out;
}

void bus::push(const std::string& envelope, std::function<void(std::optional<problem>)> done) {
    const char* command = config_.outbox.pop == "left" ? "RPUSH" : "LPUSH";
    first().commands().send({command, keys_.outbox(), envelope}, [done = std::move(done)](proto::reply_view r) {
        const auto why = why_not_done(r);
        if (!why) {
            done(std::nullopt);
            return;
        }
        done(problem{core::word(*why).data(), r.is_error() ? "Redis refuses to take it; see the log"
                                                           : "Redis does not answer; whether it took the push is not known"});
    });
}

void bus::reject(const char* label, const std::string& reason, std::string_view bytes) {
    metrics_.rejected.at({label}) += 1;
    core::log::limited(core::log::level::warn, "subscriber", "an envelope of the push channel is rejected: " + reason,
                       {{"id", id_in(bytes)}});
    // Every instance receives the envelope, so only the first one adds it to `rejected`.
    const std::string key = proto::sha1_hex(bytes);
    scripts::reject_once.run(first().commands(), keys_("rejected"),
                             {keys_.prefix, key, rejected_record(reason, bytes, timers_.wall(), config_.rejected),
                              std::to_string(config_.rejected.count), std::to_string(config_.rejected.bytes)});
}

void bus::send_inbound(const std::string& connection, const std::string& channel, const std::string& list,
                       std::string_view payload) {
    const auto counted = [this](proto::reply_view r) { count_undelivered(r); };
    if (!list.empty()) {
        first().commands().send({"RPUSH", list, std::string(payload)}, counted);
    }
    if (channel.empty()) {
        return;
    }
    sources_.remember(connection, channel, payload);
    first().commands().send({"PUBLISH", channel, std::string(payload)}, counted);
}

void bus::broadcast(const proto::envelope& push) {
    if (!first().commands().up()) {
        metrics_.undelivered[core::undelivered_reason::redis_down] += 1;
        hooks_.pushes->on_push(push, {});
        return;
    }
    // If only subscribers to a destination need it, it is published only to them.
    const bool narrow = push.to.of_broker() && push.to.destinations.size() == 1 && !config_.redis.sharded;
    first().commands().send(
        {config_.redis.sharded ? "SPUBLISH" : "PUBLISH",
         narrow ? keys_("broadcast:", push.to.destinations.front()) : keys_("push"), signed_envelope(push, config_)},
        [this](proto::reply_view r) { count_undelivered(r); });
}

void bus::count_undelivered(proto::reply_view r) {
    if (const auto why = why_not_done(r)) {
        metrics_.undelivered[*why] += 1;
    }
}

void bus::settled(core::delivery_id id, core::delivery_outcome o) {
    if ((id & core::of_channel) == 0) {
        shards_[any_.several() ? delivery_numbers::shard_of(id) : 0]->inbox().settled(id, std::move(o));
        return;
    }
    sources_.settled(id, o);
}

void bus::lost(core::delivery_id id, const std::string& name) {
    if ((id & core::of_channel) == 0) {
        shards_[any_.several() ? delivery_numbers::shard_of(id) : 0]->inbox().lost(id, name);
    }
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
