#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sidecar/core/ports.hpp"
#include "sidecar/redis/inbox_entry.hpp"
#include "sidecar/redis/received_push.hpp"

namespace wsidecar::redis {

/// The pushes that are on their way to this instance's clients, by the id under which the gateway has them.
///
/// When Redis goes back in time (a failover, a restart from an older file), all that is in flight is orphaned: the inbox is read from its start,
/// and an entry with the same content adopts the orphan, which goes on under its new place. What nothing has adopted at the end of that replay is
/// forgotten. Does no input or output. Event loop only.
class in_flight {
public:
    using clock = core::timer_port::clock;
    /// How long after Redis went back in time a push that a client has already is one that was routed twice, and no second one with its id.
    static constexpr auto replay_window = std::chrono::seconds(30);

    /// `unconfirmed`: a gauge that several of these add their sizes to.
    in_flight(const core::timer_port& timers, double& unconfirmed) : timers_(timers), unconfirmed_(unconfirmed) {}

    void add(core::delivery_id id, received_push p);
    std::size_t size() const { return pushes_.size(); }
    bool has_orphans() const { return !orphans_.empty(); }

    /// The gateway has finished with it. Returns the push when Redis has to be told now; not while it is moving, nor of an orphan, whose outcome is
    /// kept for the entry that adopts it.
    std::optional<ended_push> settle(core::delivery_id id, core::delivery_outcome outcome);
    /// A push to several that not all had is remembered for replay_window: another history that has it ends it in the same way. False: it is none.
    bool remember_unreached(const received_push& p, const core::delivery_outcome& o);

    struct adoption {
        std::optional<place> left_broadcast;  ///< the entry of the broadcast stream that it does not need any more
        std::optional<ended_push> ended;      ///< it had ended meanwhile
    };
    /// Whether the entry is a push that is in flight already: one that has moved here from the broadcast stream, or an orphan with this content.
    std::optional<adoption> adopt(const inbox_entry& e, std::uint64_t content);

    /// Redis holds another history. `next_id` numbers the remembered pushes.
    void begin_history(const std::function<core::delivery_id()>& next_id);
    /// All that was in the inbox has been read again.
    void end_replay();
    /// This instance goes on under another id: nothing in flight is its own any more.
    void clear();

    /// Marks the pushes of the broadcast stream as moving that have been in flight since `before`, and returns their places.
    std::vector<place> move_slow(clock::time_point before);

private:
    using pushes = std::unordered_map<core::delivery_id, received_push>;
    struct unreached {
        received_push push;
        clock::time_point at;
    };

    std::optional<ended_push> take_over(pushes::iterator it, const inbox_entry& e);
    void count();

    const core::timer_port& timers_;
    double& unconfirmed_;
    double counted_ = 0;  ///< in the gauge
    pushes pushes_;
    std::unordered_multimap<std::uint64_t, core::delivery_id> orphans_;         ///< by content
    std::deque<unreached> unreached_;                                           ///< a bounded number, the oldest first
    std::deque<std::pair<clock::time_point, core::delivery_id>> of_broadcast_;  ///< since when in flight, the oldest first
};

}  // namespace wsidecar::redis
