#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/inbox_entry.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/settlement.hpp"
#include "sidecar/redis/stream_progress.hpp"

namespace wsidecar::redis {

/// Writes to Redis what has been settled at this instance (lua/settle.lua). All that ends in one turn of the loop goes into one script
/// call. Entries that need no report are covered by the position up to which everything is settled (XTRIM MINID of the inbox, the
/// cursor of the broadcast stream) and by single ids after it. While reports are under way, nothing after them is trimmed. A call that
/// Redis refused is repeated; a second run changes nothing. Event loop only.
class settle_queue {
public:
    struct hooks {
        /// Returns whether this instance is registered over the current connection and Redis has heard of all ended client connections.
        std::function<bool()> registered;
        /// Returns whether there are many instances; then each writes more at once, a little later.
        std::function<bool()> many;
    };

    settle_queue(command_port& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers);

    void start(hooks h) { hooks_ = std::move(h); }
    void stop();
    /// This instance is registered under this id: writes what waits.
    void attend(const std::string& instance);
    /// Redis holds another history, in which this instance has read the broadcast stream up to `broadcast_cursor`: drops everything that has
    /// not been written.
    void begin_history(place broadcast_cursor);

    /// Records that an entry was read. Returns false if it was read before.
    bool begin(stream_kind stream, place id) { return of(stream).progress.begin(id); }
    /// A push has moved away from this entry, which needs no report.
    void leave(stream_kind stream, place id) { of(stream).progress.end(id); }
    enum class kind : std::uint8_t { push, canary };
    /// The entry of this push is settled. A canary alone does not cause a write soon.
    void settle(const received_push& p, settlement s, kind k = kind::push);
    /// Adds a report that ends no entry of its own. The next flush writes it.
    void report(settlement s) { reports_.push_back(std::move(s)); }

    /// Moves entries that wait for room from `overflow:<instance>` into the inbox.
    void refill();
    void flush_later(std::chrono::milliseconds wait = std::chrono::milliseconds(1));
    /// Writes everything without waiting for replies.
    void wind_down();

    /// The position in the broadcast stream, if Redis lacks it and nothing else must be written first; otherwise empty.
    std::string unsaid_cursor() const;
    /// A heartbeat has stored this position in Redis.
    void cursor_said(const std::string& cursor);

private:
    /// One stream's progress, and the position that Redis has stored.
    struct stream_state {
        stream_progress progress;
        place said;
        bool has_news() const { return progress.settled() != said; }
    };
    enum class phase : std::uint8_t { unregistered, attending, leaving };
    /// The content of one script call.
    struct message {
        std::vector<settlement> reports;
        std::vector<place> plain;
        std::string broadcast_cursor;
        std::string trim_below;
    };

    stream_state& of(stream_kind k) { return k == stream_kind::broadcast ? broadcast_ : own_; }
    void flush();
    bool cursor_can_wait();
    message next_message();
    void send(message m, const std::string& now);
    void on_said(proto::reply_view r, message m);
    void say_again(message m);

    command_port& commands_;
    const config::config& config_;
    keys keys_;
    core::metrics& metrics_;
    core::timer_port& timers_;
    hooks hooks_;
    std::string instance_;
    phase phase_ = phase::unregistered;
    stream_state own_;
    stream_state broadcast_;
    std::vector<settlement> reports_;
    std::vector<place> plain_;  ///< inbox entries that need no report
    bool refill_ = false;
    bool reports_under_way_ = false;
    bool broadcast_settled_ =
        false;  ///< a push, not only a canary, of the broadcast stream was settled since its cursor was last stored
    bool cursor_due_ = false;  ///< the cursor has waited for long enough
    std::optional<core::timer_port::clock::time_point> flush_at_;
    std::uint64_t generation_ = 0;  ///< counts changes of instance id and history; replies from an earlier one are ignored
    core::timer_port::handle flush_timer_;
    core::timer_port::handle cursor_timer_;
};

}  // namespace wsidecar::redis
