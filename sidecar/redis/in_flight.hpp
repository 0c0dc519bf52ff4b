#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sidecar/core/ports.hpp"
#include "sidecar/redis/inbox_entry.hpp"
#include "sidecar/redis/received_push.hpp"

namespace wsidecar::redis {

/// The pushes on their way to this instance's clients, by the delivery id that the gateway uses.
///
/// When Redis goes back in time (a failover, a restart from an older file), every push in flight becomes an orphan and the inbox is
/// read again from its start. An entry with the same content adopts the orphan, which continues under the entry's place. Orphans that no
/// entry has adopted at the end of this replay are dropped. Does no I/O. Event loop only.
class in_flight {
public:
    using clock = core::timer_port::clock;
    /// For this long after Redis went back in time, a push that a client already has counts as routed twice, not as a second push with the
    /// same id.
    static constexpr auto replay_window = std::chrono::seconds(30);

    /// `unconfirmed` is a gauge to which several of these objects add their sizes. Both arguments must outlive this object.
    in_flight(const core::timer_port& timers, double& unconfirmed) : timers_(timers), unconfirmed_(unconfirmed) {}

    void add(core::delivery_id id, received_push p);
    std::size_t size() const { return pushes_.size(); }
    bool has_orphans() const { return !orphans_.empty(); }

    /// The gateway has finished with the push. Returns it if its end must be written to Redis now. Returns nullopt for a push that is
    /// moving or orphaned: the entry that adopts it brings the outcome, which is kept here where needed.
    std::optional<ended_push> settle(core::delivery_id id, core::delivery_outcome outcome);
    /// Remembers for replay_window a push to several names that did not reach all of them, so that it ends in the same way if another
    /// history of Redis still has it. Returns false if the push is not such a push.
    bool remember_unreached(const received_push& p, const core::delivery_outcome& o);

    struct adoption {
        push_source left = push_source::inbox;  ///< the stream of `left_entry`
        std::optional<place> left_entry;        ///< the entry from which the push has moved, which is not needed any more
        std::optional<ended_push> ended;        ///< the push and its outcome, if it had ended already
    };
    /// Whether the entry is a push that is in flight already: one that has moved here from another entry, or an orphan with the same
    /// content. Returns nullopt if it is not.
    std::optional<adoption> adopt(const inbox_entry& e, std::uint64_t content);

    /// Redis holds another history: makes all pushes orphans. `next_id` gives delivery ids to the remembered pushes.
    void begin_history(const std::function<core::delivery_id()>& next_id);
    /// The whole inbox has been read again: drops the remaining orphans.
    void end_replay();
    /// This instance has a new id: forgets everything, because a survivor has taken over the pushes of the old id.
    void clear();

    /// Marks as moving all pushes of the broadcast stream that have been in flight since before `before`, and returns their places.
    std::vector<place> move_slow(clock::time_point before);

    /// The push, which is for an audience, is to be routed again to `name`. Returns whether this can be done before it ends here.
    bool lose(core::delivery_id id, const std::string& name);
    struct move_of_lost {
        push_source source;
        place id;
        std::vector<std::string> names;  ///< not empty
    };
    /// Marks as moving all pushes that are to be routed again to names. Those that are moving now have their turn at the next call.
    std::vector<move_of_lost> move_lost();
    bool has_lost() const { return !losing_.empty(); }
    /// Whether a push is moving, so that the entry under which it continues is not known yet.
    bool is_moving() const { return !moving_.empty(); }

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
    double counted_ = 0;  ///< this object's share of the gauge
    pushes pushes_;
    std::unordered_multimap<std::uint64_t, core::delivery_id> orphans_;         ///< by content
    std::deque<unreached> unreached_;                                           ///< bounded; the oldest first
    std::deque<std::pair<clock::time_point, core::delivery_id>> of_broadcast_;  ///< since when in flight, the oldest first
    std::vector<core::delivery_id> losing_;                                     ///< pushes with names in `lost`
    std::map<place, core::delivery_id> moving_;                                 ///< by the entries that they leave
};

}  // namespace wsidecar::redis
