#include "sidecar/redis/registry.hpp"

#include <algorithm>

#include "proto/text/ids.hpp"
#include "proto/text/rfc3339.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/refused_words.hpp"
#include "sidecar/redis/scripts.hpp"
#include "sidecar/redis/signed_envelope.hpp"

namespace wsidecar::redis {
namespace {

constexpr auto refused_again = std::chrono::seconds(1);
constexpr auto growth_margin = std::chrono::seconds(5);  ///< in which pods that drain say who has gone

std::optional<std::uint32_t> count_of(proto::reply_view r) {
    return r.is_integer() && r.integer() >= 0 ? std::optional(static_cast<std::uint32_t>(r.integer())) : std::nullopt;
}

unsaid_ends::cause cause_of(proto::reply_view r) {
    return r.is_error() ? unsaid_ends::cause::redis_refused : unsaid_ends::cause::redis_down;
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
      roster_(std::move(instance)),
      about_(R"({"since":")" + proto::format_rfc3339(timers.wall()) + R"(","format":)" + std::to_string(format_number) + "}"),
      resync_(commands, keys_),
      unsaid_(timers),
      recent_(c, timers),
      wills_(commands, c, keys_, timers, [this] {
          return well() ? std::optional(last_wills::standing{instance_, epoch_, generation_}) : std::nullopt;
      }) {}

void registry::start(hooks h) {
    hooks_ = std::move(h);
    resync_.start({hooks_.all,
                   [this](const core::registration& r, std::function<void()> done) {
                       enroll_step(r, 0, [done = std::move(done)](const auto&) { done(); });
                   },
                   [this](const std::string& connection) { compare(connection); }, [this] { return well(); },
                   [this] { caught_up(); }});
    unsaid_.start([this] {
        if (well()) {
            say_unsaid();
        }
    });
}

void registry::stop() {
    stopped_ = true;
    timer_.reset();
    refused_timer_.reset();
    unsaid_.stop();
}

void registry::rename(std::string instance) {
    instance_ = std::move(instance);
    roster_.rename(instance_);
    held_until_ = {};
    leased_ = false;
    registered_.clear();
    resync_.clear();
    unsaid_.clear();
    ending_.clear();
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
    resync_.on_down();
}

void registry::beat() {
    timer_.reset();
    if (stopped_) {
        return;
    }
    standstill_.tick(timers_.now(), config_.lease);
    if (link_.up() && !beating_) {
        beating_ = true;
        said_suspected_ = suspected_;
        std::string cursor = hooks_.cursor ? hooks_.cursor() : std::string();
        auto words = beat_arguments(cursor);
        scripts::beat.run(link_, keys_("config"), std::move(words), [this, sent = timers_.now(), cursor](proto::reply_view r) {
            const auto h = read_heartbeat(r);
            if (h.what == heartbeat::outcome::renewed) {
                held_until_ = sent + config_.lease;
                steady_since_ = std::min(steady_since_, timers_.now());
                if (!cursor.empty() && h.generation == generation_ && h.epoch == epoch_) {
                    hooks_.cursor_said(cursor);
                }
            } else {
                steady_since_ = core::timer_port::clock::time_point::max();
            }
            beating_ = false;
            if (!stopped_) {
                on_beat(h);
            }
        });
    }
    timer_ = timers_.after(config_.lease / 3, [this] { beat(); });
}

std::vector<std::string> registry::beat_arguments(const std::string& cursor) const {
    const bool newcomer = epoch_.empty();
    const bool has_nothing = newcomer && hooks_.all().empty();
    std::vector<std::string> words{keys_.prefix,
                                   instance_,
                                   std::to_string(config_.lease.count()),
                                   newcomer ? "1" : "0",
                                   has_nothing ? "*" : registered_,
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
                                   std::to_string(at_.here),
                                   cursor};
    // With many instances, their names are sent only when the script asks for them, at the beginning of a generation.
    const bool names_all = !roster_.is_large() || names_wanted_;
    words.emplace_back(names_all ? "1" : "0");
    if (names_all) {
        words.insert(words.end(), roster_.others().begin(), roster_.others().end());
    }
    return words;
}

void registry::on_beat(const heartbeat& h) {
    switch (h.what) {
        case heartbeat::outcome::unanswered: return;
        case heartbeat::outcome::renewed: on_renewed(h); return;
        case heartbeat::outcome::fenced:
            metrics_.leases_lost.at({"fenced"}) += 1;
            leased_ = false;
            hooks_.fenced(h.told);
            return;
        case heartbeat::outcome::names_wanted:
            names_wanted_ = true;
            beat();
            return;
        case heartbeat::outcome::refused:
            log_refused("registry", "Redis refuses the lease", h.detail);
            refusal_ = h.detail.substr(0, 80);
            timer_ = timers_.after(refused_again, [this] { beat(); });
            return;
        case heartbeat::outcome::other_layout:
        case heartbeat::outcome::other_shards:
        case heartbeat::outcome::other_config:
        case heartbeat::outcome::other_format: hooks_.fatal(conflict_of(h, keys_.prefix, format_number, at_.count)); return;
    }
}

void registry::on_renewed(const heartbeat& h) {
    refusal_.clear();
    names_wanted_ = false;
    const bool first = epoch_.empty();
    const bool new_data = !first && h.epoch != epoch_;
    if (leased_ && !h.was_held && !new_data) {
        metrics_.leases_lost.at({"expired"}) += 1;
        core::log::warn("registry", "the lease had ended; taken again, no survivor had noticed", {{"instance", instance_}});
    }
    // If Redis does not identify its history, an unbroken connection still has seen only one history.
    const bool same_connection = link_.history().empty() && !reconnected_ && !suspected_ && !new_data && !registered_.empty();
    const bool new_history = first || new_data || (h.generation != generation_ && !same_connection);
    if (standstill_.ended() && new_history && !first) {
        // A survivor may have declared this instance dead, and these data have lost the tombstone.
        heartbeat end;
        end.what = heartbeat::outcome::fenced;
        end.told = core::ends_told::perhaps;
        on_beat(end);
        return;
    }
    epoch_ = h.epoch;
    if (same_connection && registered_ == generation_) {
        registered_ = h.generation;
    }
    const bool moved_on = h.generation != generation_ && registered_ == h.generation;
    generation_ = h.generation;
    reconnected_ = false;
    suspected_ = suspected_ && !said_suspected_;
    if (first && hooks_.all().empty()) {
        registered_ = generation_;
    }
    learn(h, first);
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
        hooks_.ready(new_history, h.broadcast_cursor);
        catch_up(!complete());
    } else if (moved_on) {
        beat();  // the router waits for this word
    } else if (!complete() && !resync_.enrolling() && !resync_.comparing()) {
        catch_up(true);
    } else if (!resync_.enrolling() && (resync_.has_marks() || !unsaid_.empty() || !wills_.all_said())) {
        catch_up(false);
    }
}

/// Takes over what a heartbeat says about the service. `first` is true for this instance's first heartbeat.
void registry::learn(const heartbeat& h, bool first) {
    roster_.refresh(link_, keys_, h.roster);
    if (h.overflowed) {
        hooks_.overflowed();
    }
    if (at_.several() && h.sharded_for && grows_until_ == core::timer_port::clock::time_point{}) {
        grows_until_ = timers_.now() + config_.outbox.grace + growth_margin - *h.sharded_for;
    }
    if (h.began || first) {
        // The others learn now, and not at their next heartbeat, of other data or of a newcomer to wait for if the data are lost.
        link_.send({config_.redis.sharded ? "SPUBLISH" : "PUBLISH", keys_("beat"), h.began ? instance_ : '+' + instance_});
    }
    if (!roster_.on_duty() && hooks_.found) {
        hooks_.found(h.todo);
    }
}

void registry::on_roll_call(std::string_view who) {
    if (who.starts_with('+') && roster_.is_large() && !roster_.on_duty()) {
        roster_.add(who.substr(1));
    } else {
        beat();
    }
}

bool registry::may_settle() const {
    return well() && !unsaid_.hold_pushes_back();
}

void registry::say_unsaid() {
    for (const auto& [what, last] : unsaid_.take()) {
        what == unsaid_ends::step::forget ? forget(last.connection) : retire(last, [](auto) {});
    }
}

/// `everything` means that this instance has registered in other data or another history than Redis holds.
void registry::catch_up(bool everything) {
    if (everything) {
        for (const auto& last : recent_.all()) {
            retire(last, [](auto) {});
        }
        for (const auto& [connection, last] : std::unordered_map(ending_)) {
            retire(last, [](auto) {});
        }
    }
    say_unsaid();
    wills_.say_unsaid();
    if (everything) {
        wills_.say_again();
    }
    resync_.begin(instance_, everything);
}

/// Redis has this connection, but it may have ended in a time that Redis has lost.
void registry::compare(const std::string& connection) {
    if (wills_.repeat(connection)) {
        return;
    }
    if (!hooks_.holds(connection)) {
        forget(connection);
    } else if (const auto ending = ending_.find(connection); ending != ending_.end()) {
        retire(core::registration(ending->second), [](auto) {});  // these data may have it as if it lived
    }
}

void registry::caught_up() {
    if (!complete() && well()) {
        registered_ = generation_;
        beat();  // the router waits for this word
    }
}

// ------------------------------------------------------------------------------------------------ connections

std::vector<std::string> registry::arguments(const core::registration& r, const char* mode) const {
    return {keys_.prefix, instance_, r.connection, r.user, joined(r.aliases), joined(r.groups), r.path, r.state, r.since, mode,
            // They are counted where their user is.
            std::to_string(at_.several() && shard_of('u' + r.user, at_) != at_.here ? 0 : config_.connections_per_user),
            config_.on_excess.str(), std::to_string(config_.outbox.grace.count()), joined(r.names), r.subscribes ? "" : "1",
            r.route, std::to_string(link_number_), is_home_of(r.connection, at_) ? "" : "1"};
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
                // The app must not see a connection whose disconnect event no survivor would send.
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
    resync_.skip(r.connection);
    enroll_step(r, 0, std::move(done));
}

/// `mailbox` is the number of kept pushes that earlier steps have put under way.
void registry::enroll_step(const core::registration& r, std::uint32_t mailbox, counted done) {
    if (!well()) {
        resync_.mark(r.connection);
        done(std::nullopt);
        return;
    }
    hooks_.registered(r.connection, core::registered::perhaps);
    scripts::enroll.run(link_, keys_("conn:", r.connection), arguments(r, "enroll"),
                        [this, r, mailbox, done = std::move(done)](proto::reply_view v) {
                            const auto word = v[0].text();
                            if (word == "ok") {
                                on_enrolled(r, v, mailbox, done);
                            } else if (word == "refused") {
                                done(core::enroll_result{core::enroll_outcome::refused, count_of(v[1]), 0});
                            } else {
                                on_not_enrolled(r.connection, v);
                                done(std::nullopt);
                            }
                        });
}

void registry::on_enrolled(const core::registration& r, proto::reply_view v, std::uint32_t mailbox, const counted& done) {
    for (std::size_t i = 0; i < v[2].size(); ++i) {
        metrics_.hit("connections_per_user");
        hooks_.publish(signed_envelope(core::eviction_of(std::string(v[2][i].text())), config_));
    }
    hooks_.registered(r.connection, core::registered::yes);
    const auto kept = mailbox + count_of(v[3]).value_or(0);
    if (v[4].integer() == 1) {
        enroll_step(r, kept, done);  // there is more in its mailboxes
    } else {
        done(core::enroll_result{core::enroll_outcome::done, count_of(v[1]), kept});
    }
}

void registry::on_not_enrolled(const std::string& connection, proto::reply_view v) {
    resync_.mark(connection);
    if (v[0].text() == "dead") {
        hooks_.registered(connection, core::registered::no);
        beat();  // finds it out, and what follows
    } else if (v.is_error()) {
        log_refused("registry", "Redis refuses a registration", v.text());
        if (!refused_timer_) {  // one more beat: the lease's own must not wait for what is refused
            refused_timer_ = timers_.after(refused_again, [this] {
                const auto due = std::exchange(refused_timer_, nullptr);
                beat();
            });
        }
    }
}

void registry::retire(const core::registration& last, retired done) {
    resync_.unmark(last.connection);
    resync_.skip(last.connection);
    if (hooks_.holds(last.connection)) {
        ending_.insert_or_assign(last.connection, last);
    }
    recent_.add(last);
    if (!well()) {
        unsaid_.add(unsaid_ends::step::retire, last, unsaid_ends::cause::redis_down);
        done(std::nullopt);
        return;
    }
    scripts::retire.run(link_, keys_("conn:", last.connection),
                        {keys_.prefix, instance_, last.connection, std::to_string(config_.outbox.grace.count()), last.user,
                         joined(last.aliases), joined(last.groups), joined(last.names), last.subscribes ? "1" : "", last.route,
                         last.path, last.state, last.since, is_home_of(last.connection, at_) ? "" : "1",
                         ending_.contains(last.connection) ? "1" : "0", std::to_string(link_number_)},
                        [this, last, done = std::move(done)](proto::reply_view v) {
                            if (!v.is_array()) {
                                unsaid_.add(unsaid_ends::step::retire, last, cause_of(v));
                            } else if (hooks_.retired) {
                                hooks_.retired(last.connection, v[2].text());
                            }
                            done(count_of(v[1]));
                        });
}

void registry::forget(const std::string& connection) {
    ending_.erase(connection);
    if (!well()) {
        unsaid_.add(unsaid_ends::step::forget, core::registration::of_id(connection), unsaid_ends::cause::redis_down);
        return;
    }
    scripts::forget.run(link_, keys_("conn:", connection),
                        {keys_.prefix, instance_, connection, std::to_string(config_.outbox.grace.count())},
                        [this, connection](proto::reply_view v) {
                            if (v.is_null() || v.is_error()) {
                                unsaid_.add(unsaid_ends::step::forget, core::registration::of_id(connection), cause_of(v));
                            }
                        });
}

void registry::bequeath(const std::string& connection, const std::string& entry) {
    resync_.unmark(connection);
    ending_.erase(connection);
    wills_.leave(connection, entry);
}

}  // namespace wsidecar::redis
