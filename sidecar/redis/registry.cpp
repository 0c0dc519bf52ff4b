#include "sidecar/redis/registry.hpp"

#include <algorithm>

#include "proto/envelope.hpp"
#include "proto/envelope_signature.hpp"
#include "proto/text/ids.hpp"
#include "proto/text/rfc3339.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/refused_words.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
namespace {

constexpr std::size_t enrolling_at_once = 200;
constexpr auto refused_again = std::chrono::seconds(1);
constexpr auto unsaid_again = std::chrono::milliseconds(100);
constexpr auto settling_waits = std::chrono::seconds(5);  ///< at most, for the end of a connection that Redis refuses
constexpr std::size_t wills_kept = 4096;
constexpr auto growth_margin = std::chrono::seconds(5);  ///< in which pods that drain say who has gone
/// How long Redis remembers that it has had an event (told:end:<connection>, lua/bequeath.lua): so long it can be said again at no cost.
constexpr auto wills_remembered = std::chrono::minutes(9);
/// Version of what is stored under the prefix. Version N reads N-1, so that a rolling upgrade mixes them.
#ifndef WSIDECAR_FORMAT
#define WSIDECAR_FORMAT 2  // the tests build the next one, too
#endif
constexpr int format_number = WSIDECAR_FORMAT;
/// What the keys under the prefix are. Another one cannot be read at all.
constexpr const char* layout = "1";

std::optional<std::uint32_t> count_of(proto::reply_view r) {
    return r.is_integer() && r.integer() >= 0 ? std::optional(static_cast<std::uint32_t>(r.integer())) : std::nullopt;
}

}  // namespace

registry::registry(command_port& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers,
                   std::string instance, shard_number at)
    : link_(commands),
      config_(c),
      keys_(std::move(k)),
      metrics_(m),
      timers_(timers),
      instance_(instance),
      at_(at),
      roster_(std::move(instance)) {
    about_ = R"({"since":")" + proto::format_rfc3339(timers.wall()) + R"(","format":)" + std::to_string(format_number) + "}";
}

void registry::start(hooks h) {
    hooks_ = std::move(h);
}

void registry::stop() {
    stopped_ = true;
    timer_.reset();
    refused_timer_.reset();
    unsaid_timer_.reset();
}

void registry::rename(std::string instance) {
    instance_ = std::move(instance);
    roster_.rename(instance_);
    held_until_ = {};
    leased_ = false;
    registered_.clear();
    dirty_.clear();
    unsaid_.clear();
    retired_.clear();
    to_enroll_.clear();
    beat();
}

// ------------------------------------------------------------------------------------------------------- lease

void registry::on_up() {
    ++link_number_;
    reconnected_ = true;
    beat();
}

void registry::on_down() {
    leased_ = false;
    beating_ = false;
    comparing_ = false;
}

void registry::beat() {
    timer_.reset();
    if (stopped_) {
        return;
    }
    if (link_.up() && !beating_) {
        beating_ = true;
        said_suspected_ = suspected_;
        const bool newcomer = epoch_.empty();
        std::string registered = registered_;
        if (newcomer && hooks_.all().empty()) {
            registered = "*";
        }
        std::vector<std::string> words{keys_.prefix,
                                       instance_,
                                       std::to_string(config_.lease.count()),
                                       newcomer ? "1" : "0",
                                       registered,
                                       about_,
                                       layout,
                                       std::to_string(format_number),
                                       config_.outbox.pop.str(),
                                       keys_.outbox_key,
                                       epoch_,
                                       proto::random_hex128(),
                                       link_.history(),
                                       suspected_     ? "2"
                                       : reconnected_ ? "1"
                                                      : "0",
                                       hooks_.highest(),
                                       std::to_string(link_number_),
                                       at_.several() ? std::to_string(at_.count) : "",
                                       std::to_string(at_.here)};
        // Of many, the names are said only where the script asks for them: when a generation begins.
        const bool names_all = !roster_.is_large() || asked_who_;
        std::string cursor = hooks_.cursor ? hooks_.cursor() : std::string();
        words.push_back(cursor);
        words.emplace_back(names_all ? "1" : "0");
        if (names_all) {
            words.insert(words.end(), roster_.others().begin(), roster_.others().end());
        }
        scripts::beat.run(link_, keys_("config"), std::move(words), [this, sent = timers_.now(), cursor](proto::reply_view r) {
            constexpr auto never = core::timer_port::clock::time_point::max();
            if (r[0].text() == "ok") {
                held_until_ = sent + config_.lease;
                steady_since_ = std::min(steady_since_, timers_.now());
            } else {
                steady_since_ = never;
            }
            if (!cursor.empty() && r[0].text() == "ok" && r[2].text() == generation_ && r[1].text() == epoch_) {
                hooks_.cursor_said(cursor);
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
        hooks_.fenced(r[1].text() != "unknown");
        return;
    }
    if (word == "layout") {
        hooks_.fatal("what is stored in Redis under the prefix \"" + keys_.prefix +
                     "\" was written by a version before 0.2, which this one cannot read; let the old instances drain, then "
                     "delete these keys or use another prefix");
        return;
    }
    if (word == "shards") {
        hooks_.fatal("what is under the prefix \"" + keys_.prefix + "\" is spread over " + std::string(r[1].text()) +
                     " shards, and `shards` is " + std::to_string(at_.count) +
                     " here: nothing would be found any more; see \"shards\" in sidecar/operating.md");
        return;
    }
    if (word == "config") {
        hooks_.fatal("configured otherwise than the live instance " + std::string(r[2].text()) + ", which has " +
                     std::string(r[1].text()) + "; lease, shards, outbox.pop and outbox.key must be the same for one prefix");
        return;
    }
    if (word == "format") {
        hooks_.fatal("what this version stores in Redis has format " + std::to_string(format_number) + ", the live instance " +
                     std::string(r[2].text()) + " has " + std::string(r[1].text()) +
                     "; only neighbours mix: upgrade by way of the release between them");
        return;
    }
    if (word == "who") {
        asked_who_ = true;
        beat();
        return;
    }
    if (word != "ok") {
        log_refused("registry", "Redis refuses the lease", r.text());
        refusal_ = r.text().substr(0, 80);
        timer_ = timers_.after(refused_again, [this] { beat(); });
        return;
    }
    refusal_.clear();
    asked_who_ = false;
    const std::string epoch(r[1].text());
    const std::string generation(r[2].text());
    const bool first = epoch_.empty();
    const bool new_data = !first && epoch != epoch_;
    if (leased_ && r[3].integer() == 0 && !new_data) {
        metrics_.leases_lost.at({"expired"}) += 1;
        core::log::warn("registry", "the lease had ended; taken again, no survivor had noticed", {{"instance", instance_}});
    }
    // Where Redis does not name its history, a connection that has not broken since has one history.
    const bool same_connection = link_.history().empty() && !reconnected_ && !suspected_ && !new_data && !registered_.empty();
    const bool new_history = first || new_data || (generation != generation_ && !same_connection);
    epoch_ = epoch;
    if (same_connection && registered_ == generation_) {
        registered_ = generation;
    }
    const bool moved_on = generation != generation_ && registered_ == generation;
    generation_ = generation;
    reconnected_ = false;
    suspected_ = suspected_ && !said_suspected_;
    if (first && hooks_.all().empty()) {
        registered_ = generation_;
    }
    take_roster(r[5].integer());
    if (r[7].integer() == 1) {
        hooks_.overflowed();
    }
    if (const auto age = r[9].integer(); at_.several() && age >= 0 && grows_until_ == core::timer_port::clock::time_point{}) {
        grows_until_ = timers_.now() + config_.outbox.grace + growth_margin -
                       std::chrono::milliseconds(std::min<std::int64_t>(age, 86'400'000));
    }
    if (r[6].integer() == 1 || first) {
        // The others learn it now, and not at their next beat: of other data, or of a newcomer whom to wait for if these are lost.
        link_.send({config_.redis.sharded ? "SPUBLISH" : "PUBLISH", keys_("beat"),
                    first && r[6].integer() == 0 ? '+' + instance_ : instance_});
    }
    if (!roster_.on_duty() && hooks_.found) {
        const auto what = r[8].integer();
        hooks_.found({(what & 1) != 0, (what & 2) != 0, (what & 4) != 0, (what & 8) != 0});
    }
    if (new_data) {
        metrics_.leases_lost.at({"data_lost"}) += 1;
        core::log::warn("registry", "Redis has lost its data: all connections are registered anew", {{"instance", instance_}});
    } else if (new_history && !first) {
        core::log::warn("registry", "Redis is another process or master than before: all connections are registered anew",
                        {{"instance", instance_}});
    }
    if (!leased_ || new_history) {
        leased_ = true;
        for (auto& [connection, done] : std::exchange(announcing_, {})) {
            announce(connection, std::move(done));
        }
        hooks_.ready(new_history, std::string(r[4].text()));
        catch_up(!complete());
    } else if (moved_on) {
        beat();  // the router waits for this word
    } else if (!complete() && enrolling_ == 0 && !comparing_) {
        catch_up(true);
    } else if (enrolling_ == 0 && (!dirty_.empty() || !unsaid_.empty() || !unsaid_wills_.empty())) {
        catch_up(false);
    }
}

// ------------------------------------------------------------------------------------------------ catching up

bool registry::may_settle() const {
    return well() && (unsaid_.empty() || timers_.now() - unsaid_since_ > settling_waits);
}

void registry::say_unsaid() {
    const auto unsaid = std::exchange(unsaid_, {});
    for (const auto& [is_forget, id] : unsaid) {
        is_forget ? forget(id) : retire(id, [](auto) {});
    }
}

/// It is said with the next beat, or, where Redis is there and has refused it, in a moment.
void registry::leave_unsaid(bool is_forget, const std::string& connection, bool refused) {
    const auto now = timers_.now();
    if (now - std::exchange(unsaid_latest_, now) > std::chrono::seconds(1)) {
        unsaid_since_ = now;  // else it goes on
    }
    unsaid_.emplace_back(is_forget, connection);
    if (refused && !unsaid_timer_) {
        unsaid_timer_ = timers_.after(unsaid_again, [this] {
            const auto due = std::exchange(unsaid_timer_, nullptr);
            if (well()) {
                say_unsaid();
            }
        });
    }
}

void registry::catch_up(bool everything) {
    say_unsaid();
    const auto wills = std::exchange(unsaid_wills_, {});
    for (const auto& [id, entry] : wills) {
        bequeath(id, entry);
    }
    if (everything) {
        std::vector<std::pair<std::string, std::string>> again;
        for (const auto& [id, w] : wills_) {
            if (may_be_lost(w)) {
                again.emplace_back(id, w.entry);
            }
        }
        for (const auto& [id, entry] : again) {
            bequeath(id, entry);
        }
    }
    to_enroll_.clear();
    if (everything || !dirty_.empty()) {
        for (auto& r : hooks_.all()) {
            if (everything || dirty_.contains(r.connection)) {
                to_enroll_.push_back(std::move(r));
            }
        }
    }
    dirty_.clear();
    if (everything) {
        comparing_ = true;
        compared_ = false;
        compare("0");
    }
    for (std::size_t i = 0; i < enrolling_at_once && !to_enroll_.empty(); ++i) {
        enroll_next();
    }
    caught_up();
}

/// Removes from Redis what only Redis has: connections that ended in a time that it knows nothing of.
void registry::compare(const std::string& cursor) {
    scripts::roll.run(link_, keys_("conns:", instance_), {keys_.prefix, instance_, cursor}, [this](proto::reply_view r) {
        if (!r.is_array() || r.size() != 2 || !comparing_) {
            comparing_ = false;
            return;  // at the next beat
        }
        for (std::size_t i = 0; i < r[1].size(); ++i) {
            const std::string id(r[1][i].text());
            if (const auto found = wills_.find(id); found != wills_.end()) {
                bequeath(id, std::string(found->second.entry));
            } else if (!hooks_.holds(id)) {
                forget(id);
            } else if (retired_.contains(id)) {
                retire(id, [](auto) {});  // these data may have it as if it lived
            }
        }
        if (r[0].text() != "0") {
            compare(std::string(r[0].text()));
            return;
        }
        comparing_ = false;
        compared_ = true;
        caught_up();
    });
}

void registry::caught_up() {
    if (enrolling_ == 0 && to_enroll_.empty() && compared_ && !complete() && dirty_.empty() && well()) {
        registered_ = generation_;
        beat();  // the router waits for this word
    }
}

void registry::enroll_next() {
    const auto r = std::move(to_enroll_.back());
    to_enroll_.pop_back();
    ++enrolling_;
    enroll(r, [this, generation = generation_](auto) {
        --enrolling_;
        if (!well()) {
            return;
        }
        if (!to_enroll_.empty()) {
            enroll_next();
        } else {
            caught_up();
        }
    });
}

// ------------------------------------------------------------------------------------------------ connections

std::vector<std::string> registry::arguments(const core::registration& r, const char* mode) const {
    return {keys_.prefix, instance_, r.connection, r.user, joined(r.aliases), joined(r.groups), r.path, r.state, r.since, mode,
            // They are counted where their user is.
            std::to_string(at_.several() && shard_of('u' + r.user, at_) != at_.here ? 0 : config_.connections_per_user),
            config_.on_excess.str(), grace(), joined(r.names), r.subscribes ? "" : "1", r.route, std::to_string(link_number_),
            shard_of('c' + r.connection, at_) == at_.here ? "" : "1"};
}

void registry::announce(const core::registration& r, counted done) {
    if (!well()) {
        done(std::nullopt);
        return;
    }
    hooks_.registered(r.connection, core::registered::perhaps);
    scripts::enroll.run(
        link_, keys_("conn:", r.connection), arguments(r, "announce"), [this, r, done = std::move(done)](proto::reply_view v) {
            if (v[0].text() == "dead") {
                // The app must not hear of a connection that no survivor would speak for.
                hooks_.registered(r.connection, core::registered::no);
                announcing_.emplace_back(r, done);
                beat();
                return;
            }
            const bool there = v[0].text() == "ok";
            if (there) {
                hooks_.registered(r.connection, core::registered::yes);
            }
            done(there ? std::optional(core::enroll_result{core::enroll_outcome::done, std::nullopt, 0}) : std::nullopt);
        });
}

void registry::enroll(const core::registration& r, counted done) {
    std::erase_if(to_enroll_, [&](const auto& old) { return old.connection == r.connection; });
    enroll_step(r, 0, std::move(done));
}

/// `mailbox`: how many kept pushes earlier steps have set on their way.
void registry::enroll_step(const core::registration& r, std::uint32_t mailbox, counted done) {
    if (!well()) {
        dirty_.insert(r.connection);
        done(std::nullopt);
        return;
    }
    hooks_.registered(r.connection, core::registered::perhaps);
    scripts::enroll.run(link_, keys_("conn:", r.connection), arguments(r, "enroll"),
                        [this, r, id = r.connection, mailbox, done = std::move(done)](proto::reply_view v) {
                            const auto word = v[0].text();
                            if (word == "ok") {
                                for (std::size_t i = 0; i < v[2].size(); ++i) {
                                    evict(std::string(v[2][i].text()));
                                }
                                hooks_.registered(id, core::registered::yes);
                                const auto kept = mailbox + count_of(v[3]).value_or(0);
                                if (v[4].integer() == 1) {
                                    enroll_step(r, kept, done);
                                    return;
                                }
                                done(core::enroll_result{core::enroll_outcome::done, count_of(v[1]), kept});
                            } else if (word == "refused") {
                                done(core::enroll_result{core::enroll_outcome::refused, count_of(v[1]), 0});
                            } else {
                                dirty_.insert(id);
                                if (word == "dead") {
                                    hooks_.registered(id, core::registered::no);
                                    beat();  // finds it out, and what follows
                                } else if (v.is_error()) {
                                    core::log::limited(core::log::level::error, "registry", "Redis refuses a registration",
                                                       {{"error", v.text()}});
                                    if (!refused_timer_) {  // one more beat: the lease's own must not wait for what is refused
                                        refused_timer_ = timers_.after(refused_again, [this] {
                                            const auto due = std::exchange(refused_timer_, nullptr);
                                            beat();
                                        });
                                    }
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
    hooks_.publish(proto::sign_envelope(proto::encode_envelope(e), config_.push.secrets));
}

void registry::retire(const std::string& connection, std::function<void(std::optional<std::uint32_t>)> done) {
    dirty_.erase(connection);
    if (hooks_.holds(connection)) {
        retired_.insert(connection);
    }
    std::erase_if(to_enroll_, [&](const auto& r) { return r.connection == connection; });
    if (!well()) {
        leave_unsaid(false, connection, false);
        done(std::nullopt);
        return;
    }
    scripts::retire.run(link_, keys_("conn:", connection), {keys_.prefix, instance_, connection, grace()},
                        [this, connection, done = std::move(done)](proto::reply_view v) {
                            if (!v.is_array()) {
                                leave_unsaid(false, connection, v.is_error());
                            }
                            if (v.is_array() && hooks_.retired) {
                                hooks_.retired(connection, v[2].text());
                            }
                            done(count_of(v[1]));
                        });
}

void registry::forget(const std::string& connection) {
    retired_.erase(connection);
    if (!well()) {
        leave_unsaid(true, connection, false);
        return;
    }
    scripts::forget.run(link_, keys_("conn:", connection), {keys_.prefix, instance_, connection, grace()},
                        [this, connection](proto::reply_view v) {
                            if (v.is_null() || v.is_error()) {
                                leave_unsaid(true, connection, v.is_error());
                            }
                        });
}

void registry::bequeath(const std::string& connection, const std::string& entry) {
    dirty_.erase(connection);
    retired_.erase(connection);
    if (wills_.emplace(connection, will{entry, timers_.now(), {}, {}}).second) {
        wills_order_.push_back(connection);
        if (wills_order_.size() > wills_kept) {
            wills_.erase(wills_order_.front());
            wills_order_.pop_front();
        }
    }
    if (!well()) {
        unsaid_wills_.emplace_back(connection, entry);
        return;
    }
    scripts::bequeath.run(link_, keys_("conn:", connection), {keys_.prefix, instance_, connection, grace(), entry},
                          [this, connection, entry, epoch = epoch_, generation = generation_](proto::reply_view v) {
                              if (v.is_null() || v.is_error()) {
                                  unsaid_wills_.emplace_back(connection, entry);
                              } else if (const auto it = wills_.find(connection); it != wills_.end()) {
                                  it->second.epoch = epoch;
                                  it->second.generation = generation;
                              }
                          });
}

/// Other data know nothing of it; another history of the same data may have lost it.
bool registry::may_be_lost(const will& w) const {
    const auto age = timers_.now() - w.since;
    return (w.epoch != epoch_ && age < config_.app.retry.lost_event_age) ||
           (w.generation != generation_ && age < wills_remembered);
}

}  // namespace wsidecar::redis
