#include "sidecar/redis/registry.hpp"

#include <algorithm>

#include "proto/envelope.hpp"
#include "proto/envelope_signature.hpp"
#include "proto/ids.hpp"
#include "proto/rfc3339.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
namespace {

constexpr std::size_t enrolling_at_once = 200;
constexpr auto refused_again = std::chrono::seconds(1);
/// Version of what is stored under the prefix. Version N reads N-1, so that a rolling upgrade mixes them.
#ifndef WSIDECAR_FORMAT
#define WSIDECAR_FORMAT 1  // the tests build the next one, too
#endif
constexpr int format_number = WSIDECAR_FORMAT;

std::optional<std::uint32_t> count_of(proto::reply_view r) {
    return r.is_integer() && r.integer() >= 0 ? std::optional(static_cast<std::uint32_t>(r.integer())) : std::nullopt;
}

}  // namespace

registry::registry(link& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers,
                   std::string instance)
    : link_(commands), config_(c), keys_(std::move(k)), metrics_(m), timers_(timers), instance_(std::move(instance)) {
    about_ = R"({"since":")" + proto::format_rfc3339(timers.wall()) + R"(","format":)" + std::to_string(format_number) + "}";
}

void registry::start(hooks h) {
    hooks_ = std::move(h);
}

void registry::stop() {
    stopped_ = true;
    timer_.reset();
}

void registry::rename(std::string instance) {
    instance_ = std::move(instance);
    held_until_ = {};
    leased_ = false;
    dirty_.clear();
    unsaid_.clear();
    to_enroll_.clear();
    beat();
}

// ------------------------------------------------------------------------------------------------------- lease

void registry::on_up() {
    beat();
}

void registry::on_down() {
    leased_ = false;
    beating_ = false;
}

void registry::beat() {
    timer_.reset();
    if (stopped_) {
        return;
    }
    if (link_.up() && !beating_) {
        beating_ = true;
        scripts::beat.run(link_, keys_("config"),
                          {keys_.prefix, instance_, std::to_string(config_.lease.count()), complete_ ? "1" : "0", about_,
                           std::to_string(format_number), config_.outbox.pop, keys_.outbox_key, epoch_, proto::random_hex128()},
                          [this, sent = timers_.now()](proto::reply_view r) {
                              constexpr auto never = core::timer_port::clock::time_point::max();
                              if (r[0].text() == "ok") {
                                  held_until_ = sent + config_.lease;
                                  steady_since_ = std::min(steady_since_, timers_.now());
                              } else {
                                  steady_since_ = never;
                              }
                              on_beat(r);
                          });
    }
    timer_ = timers_.after(config_.lease / 3, [this] { beat(); });
}

void registry::on_beat(proto::reply_view r) {
    beating_ = false;
    const auto word = r[0].text();
    if (stopped_ || r.is_null()) {
        return;
    }
    if (word == "dead") {
        metrics_.leases_lost.at({"fenced"}) += 1;
        leased_ = false;
        hooks_.fenced();
        return;
    }
    if (word == "config") {
        hooks_.fatal("configured otherwise than the live instance " + std::string(r[2].text()) + ", which has " +
                     std::string(r[1].text()) + "; lease, outbox.pop and outbox.key must be the same for one prefix");
        return;
    }
    if (word == "format") {
        hooks_.fatal("what this version stores in Redis has format " + std::to_string(format_number) + ", the live instance " +
                     std::string(r[2].text()) + " has " + std::string(r[1].text()) +
                     "; only neighbours mix: upgrade by way of the release between them");
        return;
    }
    if (word != "ok") {
        core::log::limited(core::log::level::error, "registry", "Redis refuses the lease", {{"error", r.text()}});
        refusal_ = r.text().substr(0, 80);
        timer_ = timers_.after(refused_again, [this] { beat(); });
        return;
    }
    refusal_.clear();
    const std::string epoch(r[1].text());
    const bool new_data = !epoch_.empty() && epoch != epoch_;
    if (leased_ && r[2].integer() == 0 && !new_data) {
        metrics_.leases_lost.at({"expired"}) += 1;
        core::log::warn("registry", "the lease had ended; taken again, no survivor had noticed", {{"instance", instance_}});
    }
    const bool fresh = new_data || epoch_.empty() || run_id_ != link_.run_id();
    const bool first = epoch_.empty();
    epoch_ = epoch;
    run_id_ = link_.run_id();
    if (new_data) {
        metrics_.leases_lost.at({"data_lost"}) += 1;
        core::log::warn("registry", "Redis has lost its data: all connections are registered anew", {{"instance", instance_}});
        complete_ = false;
    }
    if (!leased_ || new_data) {
        leased_ = true;
        hooks_.ready(fresh, new_data || first, std::string(r[3].text()));
        catch_up(fresh && !first);
    } else if (enrolling_ == 0 && (!dirty_.empty() || !unsaid_.empty())) {
        catch_up(false);
    }
}

// ------------------------------------------------------------------------------------------------ catching up

void registry::catch_up(bool everything) {
    const auto unsaid = std::move(unsaid_);
    unsaid_.clear();
    for (const auto& [is_forget, id] : unsaid) {
        is_forget ? forget(id) : retire(id, [](auto) {});
    }
    to_enroll_.clear();
    if (everything || !dirty_.empty() || !complete_) {
        for (auto& r : hooks_.all()) {
            if (everything || !complete_ || dirty_.contains(r.connection)) {
                to_enroll_.push_back(std::move(r));
            }
        }
    }
    dirty_.clear();
    for (std::size_t i = 0; i < enrolling_at_once && !to_enroll_.empty(); ++i) {
        enroll_next();
    }
    if (enrolling_ == 0 && !complete_) {
        complete_ = true;
        beat();
    }
}

void registry::enroll_next() {
    const auto r = std::move(to_enroll_.back());
    to_enroll_.pop_back();
    ++enrolling_;
    enroll(r, [this](auto) {
        --enrolling_;
        if (!well()) {
            return;
        }
        if (!to_enroll_.empty()) {
            enroll_next();
        } else if (enrolling_ == 0 && !complete_) {
            complete_ = true;
            beat();  // the router waits for this word
        }
    });
}

// ------------------------------------------------------------------------------------------------ connections

std::vector<std::string> registry::arguments(const core::registration& r, const char* mode) const {
    return {keys_.prefix,
            instance_,
            r.connection,
            r.user,
            joined(r.aliases),
            joined(r.groups),
            r.path,
            r.state,
            r.since,
            mode,
            std::to_string(config_.connections_per_user),
            config_.on_excess,
            grace(),
            joined(r.names),
            r.subscribes ? "" : "1"};
}

void registry::announce(const core::registration& r, counted done) {
    if (!well()) {
        done(std::nullopt);
        return;
    }
    scripts::enroll.run(
        link_, keys_("conn:", r.connection), arguments(r, "announce"), [done = std::move(done)](proto::reply_view v) {
            done(v[0].text() == "ok" ? std::optional(core::enroll_result{core::enroll_outcome::done, std::nullopt, 0})
                                     : std::nullopt);
        });
}

void registry::enroll(const core::registration& r, counted done) {
    std::erase_if(to_enroll_, [&](const auto& old) { return old.connection == r.connection; });
    if (!well()) {
        dirty_.insert(r.connection);
        done(std::nullopt);
        return;
    }
    scripts::enroll.run(
        link_, keys_("conn:", r.connection), arguments(r, "enroll"),
        [this, id = r.connection, done = std::move(done)](proto::reply_view v) {
            const auto word = v[0].text();
            if (word == "ok") {
                for (std::size_t i = 0; i < v[2].size(); ++i) {
                    evict(std::string(v[2][i].text()));
                }
                done(core::enroll_result{core::enroll_outcome::done, count_of(v[1]), count_of(v[3]).value_or(0)});
            } else if (word == "refused") {
                done(core::enroll_result{core::enroll_outcome::refused, count_of(v[1]), 0});
            } else {
                dirty_.insert(id);
                if (word == "dead") {
                    beat();  // finds it out, and what follows
                } else if (v.is_error()) {
                    core::log::limited(core::log::level::error, "registry", "Redis refuses a registration",
                                       {{"error", v.text()}});
                    timer_ = timers_.after(refused_again, [this] { beat(); });
                }
                done(std::nullopt);
            }
        });
}

/// on_excess: close_oldest. The connection may be on any pod: the envelope channel reaches them all.
void registry::evict(const std::string& connection) {
    metrics_.hit("connections_per_user");
    proto::envelope e;
    e.to.connections = {connection};
    e.close = proto::close_order{4001, "too many connections of this user"};
    link_.send({config_.redis.sharded ? "SPUBLISH" : "PUBLISH", keys_("push"),
                proto::sign_envelope(proto::encode_envelope(e), config_.push.secrets)});
}

void registry::retire(const std::string& connection, std::function<void(std::optional<std::uint32_t>)> done) {
    dirty_.erase(connection);
    std::erase_if(to_enroll_, [&](const auto& r) { return r.connection == connection; });
    if (!well()) {
        unsaid_.emplace_back(false, connection);
        done(std::nullopt);
        return;
    }
    scripts::retire.run(link_, keys_("conn:", connection), {keys_.prefix, instance_, connection, grace()},
                        [this, connection, done = std::move(done)](proto::reply_view v) {
                            if (!v.is_array()) {
                                unsaid_.emplace_back(false, connection);
                            }
                            done(count_of(v[1]));
                        });
}

void registry::forget(const std::string& connection) {
    if (!well()) {
        unsaid_.emplace_back(true, connection);
        return;
    }
    scripts::forget.run(link_, keys_("conn:", connection), {keys_.prefix, instance_, connection, grace()},
                        [this, connection](proto::reply_view v) {
                            if (v.is_null() || v.is_error()) {
                                unsaid_.emplace_back(true, connection);
                            }
                        });
}

}  // namespace wsidecar::redis
