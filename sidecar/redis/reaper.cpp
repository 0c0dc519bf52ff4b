#include "sidecar/redis/reaper.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <utility>

#include "proto/text/ids.hpp"
#include "proto/text/rfc3339.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace json = boost::json;
namespace {

constexpr auto interval = 500ms;
constexpr auto interval_off_duty = 2s;
constexpr auto watched_for = "4000";  ///< ms; longer than a look may take
constexpr auto margin = 1s;           ///< a beat may take its time
constexpr auto steady_for = 2s;
constexpr auto between_looks = interval + margin;  ///< if this instance has not looked for longer, it was itself paused
constexpr std::size_t buried_kept = 256;
constexpr auto batch = "1500";  ///< names and entries in one step: what takes Redis less than 10 ms
constexpr auto lost_batch = "100";

std::string member(const json::object& o, const char* name) {
    const auto* v = o.if_contains(name);
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}

std::optional<core::lost_connection> decode_lost(std::string_view entry) {
    boost::system::error_code ec;
    const auto v = json::parse({entry.data(), entry.size()}, ec);
    if (ec || !v.is_object()) {
        return std::nullopt;
    }
    const auto& o = v.get_object();
    core::lost_connection out;
    out.connection = member(o, "connection");
    out.instance = member(o, "instance");
    out.user = member(o, "user");
    out.path = member(o, "path");
    out.state = member(o, "state");
    if (const auto* left = o.if_contains("left"); left != nullptr && left->is_number()) {
        out.user_connections = static_cast<std::uint32_t>(left->to_number<double>());
    }
    if (const auto* at = o.if_contains("at"); at != nullptr && at->is_number()) {
        out.since = std::chrono::system_clock::time_point(
            std::chrono::milliseconds(static_cast<std::int64_t>(at->to_number<double>())));
    }
    if (const auto* code = o.if_contains("code"); code != nullptr && code->is_number()) {
        // The event is from a live instance whose app did not accept it.
        out.close_code = static_cast<std::uint16_t>(code->to_number<double>());
        out.close_reason = member(o, "close_reason");
        out.reason = member(o, "why");
    }
    return out.connection.empty() ? std::nullopt : std::optional(out);
}

}  // namespace

reaper::reaper(command_port& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers)
    : link_(commands), config_(c), keys_(k), metrics_(m), timers_(timers), lost_(commands, std::move(k), "lost") {}

void reaper::start(const std::string& instance, const roster& all, std::function<core::timer_port::clock::time_point()> steady,
                   disconnect d) {
    instance_ = instance;
    roster_ = &all;
    lost_.start(instance);
    steady_ = std::move(steady);
    disconnect_on_behalf_ = std::move(d);
    look();
}

void reaper::look() {
    const bool looks = roster_->on_duty() || timers_.now() < stands_in_until_;
    timer_ = timers_.after(looks ? interval : interval_off_duty, [this] { look(); });
    if (!looks) {
        seen_.clear();
    }
    if (!looks || !link_.up()) {
        return;  // what was seen before a short pause still counts (command_port::redial)
    }
    take_lost();
    const auto since = std::max(link_.well_since(), steady_());
    // max() means that Redis answered late, refused this instance's own heartbeat, or is not well.
    if (since == std::chrono::steady_clock::time_point::max()) {
        seen_.clear();
        return;
    }
    if (roster_->is_large()) {
        link_.send({"SET", keys_("watched"), "1", "PX", watched_for});
    }
    link_.send({"HGETALL", keys_("beats")}, [this](proto::reply_view r) { on_beats(r); });
}

/// A few more instances than usual look. If none does, the next heartbeats find that out.
void reaper::stand_in() {
    if (!leaving_ && timers_.now() >= stands_in_until_ &&
        proto::random_below(static_cast<std::uint32_t>(roster_->others().size() + 1)) < 4 * roster::seats) {
        stands_in_until_ = timers_.now() + 3 * config_.lease;
        look();
    }
}

void reaper::on_beats(proto::reply_view r) {
    if (leaving_ || !r.is_array()) {
        return;
    }
    const auto now = timers_.now();
    if (now - std::exchange(looked_, now) > between_looks) {
        seen_.clear();  // that nobody has beaten meanwhile is not known
    }
    const auto since = std::max(link_.well_since(), steady_());
    const bool steady = since != std::chrono::steady_clock::time_point::max() && now - since >= config_.lease + steady_for;
    std::map<std::string, sighting> still;
    for (std::size_t i = 0; i + 1 < r.size(); i += 2) {
        const std::string name(r[i].text());
        if (name == instance_) {
            continue;
        }
        const auto it = seen_.find(name);
        sighting s{std::string(r[i + 1].text()), now};
        if (it != seen_.end() && it->second.beat == s.beat) {
            s.since = it->second.since;
        }
        if (now - s.since >= config_.lease / 2 && now < stands_in_until_) {
            stands_in_until_ =
                std::max(stands_in_until_, now + config_.lease + margin);  // until it is known what has become of it
        }
        if (steady && now - s.since >= config_.lease + margin && !evacuating_.contains(name)) {
            bury(name, s.beat);
        }
        still.emplace(name, std::move(s));
    }
    seen_ = std::move(still);
}

void reaper::bury(const std::string& instance, const std::string& beat) {
    evacuating_.insert(instance);
    scripts::bury.run(link_, keys_("dead:", instance), {keys_.prefix, instance, beat}, [this, instance](proto::reply_view r) {
        if (r.integer() != 1) {
            evacuating_.erase(instance);
            return;
        }
        metrics_.reaped.value() += 1;
        buried_.push_back(instance);
        if (buried_.size() > buried_kept) {
            buried_.pop_front();
        }
        core::log::warn("reaper", "an instance died: its connections are gone, its pushes are routed again",
                        {{"dead", instance}});
        evacuate(instance, [this, instance](bool) { evacuating_.erase(instance); });
    });
}

/// Writes the tombstones of buried instances again, because the data may lack them. Apps have got disconnect events for the connections of
/// these instances, so an instance that was only paused must not continue with them. Other events may have gone with the former data, so
/// this tombstone tells the instance to send its own.
void reaper::forget_beats() {
    seen_.clear();
    for (const auto& instance : buried_) {
        link_.send({"SET", keys_("dead:", instance), "again", "EX", "86400", "NX"});
    }
}

void reaper::evacuate(const std::string& instance, std::function<void(bool)> done) {
    scripts::evacuate.run(link_, keys_("conns:", instance),
                          {keys_.prefix, instance, keys_.outbox_key, batch, std::to_string(config_.outbox.grace.count()),
                           proto::format_rfc3339(timers_.wall())},
                          [this, instance, done = std::move(done)](proto::reply_view r) mutable {
                              if (!r.is_integer()) {
                                  if (r.is_error()) {
                                      core::log::error("reaper", "Redis refuses a takeover", {{"error", r.text()}});
                                  }
                                  done(false);
                              } else if (r.integer() > 0) {
                                  evacuate(instance, std::move(done));
                              } else {
                                  done(true);
                              }
                          });
}

void reaper::evacuate_self(std::function<void()> done) {
    if (!link_.up()) {
        done();
        return;
    }
    evacuate(instance_, [done = std::move(done)](bool) { done(); });
}

// ------------------------------------------------------------------------------------- pending disconnect events

void reaper::take_lost() {
    if (leaving_ || timers_.now() < hold_) {
        return;
    }
    lost_.take(lost_batch, [this](const std::vector<std::string>& entries) {
        for (const auto& entry : entries) {
            send_disconnect(entry);
        }
    });
}

void reaper::send_disconnect(const std::string& entry) {
    const auto lost = decode_lost(entry);
    if (!lost) {
        lost_.done({entry}, true);
        return;
    }
    if (lost->since != std::chrono::system_clock::time_point{} &&
        timers_.wall() - lost->since > config_.app.retry.lost_event_age) {
        metrics_.ends_given_up.value() += 1;
        core::log::warn("reaper", "a disconnect event is given up: no app has taken it within app.retry.lost_event_age",
                        {{"connection", lost->connection}, {"user", lost->user}, {"path", lost->path}});
        lost_.done({entry}, true);
        return;
    }
    disconnect_on_behalf_(*lost, [this, entry](bool taken) {
        if (!taken) {
            pause();  // another instance's app may do better
        }
        lost_.done({entry}, taken);
        if (taken && lost_.idle() && link_.up()) {
            take_lost();
        }
    });
}

}  // namespace wsidecar::redis
