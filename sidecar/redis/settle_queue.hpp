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

/// Tells Redis what has been settled here, with lua/settle.lua: what ends in one turn of the loop goes in one script. Of entries that need no report,
/// only the position up to which everything is settled is said (XTRIM MINID of the inbox, a cursor of the broadcast stream), and single ids behind it.
/// While reports are on their way nothing behind them is trimmed; a script that Redis refused is sent again, which changes nothing the second time. Event loop only.
class settle_queue {
public:
    struct hooks {
        /// This instance is registered on the connection that there is now, and connections that have ended are not any more.
        std::function<bool()> registered;
        /// There are many instances: each says more at once, a little later.
        std::function<bool()> many;
    };

    settle_queue(command_port& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers);

    void start(hooks h) { hooks_ = std::move(h); }
    void stop();
    /// This instance is registered under this id: what waits may be said.
    void attend(const std::string& instance);
    /// Redis holds another history, in which the broadcast stream has been read up to `broadcast_cursor`: nothing that was to be said counts there.
    void begin_history(place broadcast_cursor);

    /// An entry was read. False: it was read before.
    bool begin(stream_kind stream, place id) { return of(stream).progress.begin(id); }
    /// An entry of the broadcast stream needs to be known no more, and nothing is said of it.
    void leave_broadcast(place id) { broadcast_.progress.end(id); }
    enum class kind : std::uint8_t { push, canary };
    /// The entry of this push is settled. A canary alone does not make it necessary to say so soon.
    void settle(const received_push& p, settlement s, kind k = kind::push);
    /// Something to say that ends no entry of its own. It goes with the next flush.
    void report(settlement s) { reports_.push_back(std::move(s)); }

    /// Something waits for room in the inbox (`overflow:<instance>`), and may come in now.
    void refill();
    void flush_later(std::chrono::milliseconds wait = std::chrono::milliseconds(1));
    /// Says everything without waiting for answers.
    void wind_down();

    /// The position in the broadcast stream, if Redis does not know it and nothing else has to be said before; else empty.
    std::string unsaid_cursor() const;
    /// Redis knows it: the heartbeat has said it.
    void cursor_said(const std::string& cursor);

private:
    /// One stream: how far everything is settled, and how far Redis knows that.
    struct stream_state {
        stream_progress progress;
        place said;
        bool has_news() const { return progress.settled() != said; }
    };
    enum class phase : std::uint8_t { unregistered, attending, leaving };
    /// What one script says.
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
    std::vector<place> plain_;  ///< entries of the inbox that need no report
    bool refill_ = false;
    bool reports_under_way_ = false;
    bool broadcast_settled_ = false;  ///< a push of the broadcast stream since its cursor was said last, and not only a canary
    bool cursor_due_ = false;         ///< it has waited for long enough
    std::optional<core::timer_port::clock::time_point> flush_at_;
    std::uint64_t generation_ = 0;  ///< of instance and history: answers of an earlier one are void
    core::timer_port::handle flush_timer_;
    core::timer_port::handle cursor_timer_;
};

}  // namespace wsidecar::redis
