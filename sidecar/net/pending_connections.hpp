#pragma once

#include <boost/intrusive/list.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proto/text/cidr.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/net/address_count.hpp"

namespace wsidecar::net {

/// The clients' connections that are none of the gateway's yet, or no more: TLS handshakes, request heads in the making, idle
/// keep-alive connections, answers on their way. Anybody who reaches the port can have them, so they are bounded: by their
/// number, by the bytes that they hold, and by address. Where a bound is reached a newcomer is let in and another one goes:
/// of the address that has most, the one that has been idle longest, or been at the same request longest. In a rush of new ones
/// that all are at work, of clients that redial behind one proxy, nobody is turned away: accepting rests instead, unless it is they who
/// say nothing. Event loop only.
class pending_connections {
    struct holder;
    using hook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

public:
    enum class why : std::uint8_t {
        crowded,      ///< there are too many
        per_address,  ///< its address has too many (connections_per_address)
        memory,       ///< they hold too many bytes, or the process is short of memory
    };

    /// One of them. Has to leave before it is destroyed.
    class member : public boost::intrusive::list_base_hook<boost::intrusive::tag<struct pending_tag>,
                                                           boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    public:
        /// Is among them.
        bool pending() const { return holder_ != nullptr; }

    protected:
        member() = default;
        member(const member&) = delete;
        member& operator=(const member&) = delete;
        virtual ~member() = default;
        void leave_pending();

    private:
        friend class pending_connections;
        /// Has to end, and is not among them any more. It must do so later, not before this returns.
        virtual void give_way() = 0;
        /// Everything that its peer has sent has been read: if it takes its time, that is the peer's doing. Asked when there is no place.
        virtual bool waits_for_peer() const { return false; }

        pending_connections* all_ = nullptr;
        holder* holder_ = nullptr;
        std::size_t bytes_ = 0;
        core::timer_port::clock::time_point since_;
        bool idle_ = false;
    };

    struct newcomer {
        std::string_view address;
        std::size_t per_address = 0;  ///< how many its address may have; 0: as many as there are places
        bool many_behind = false;     ///< the address is a proxy's
        bool idle = false;            ///< between two requests
    };

    struct bounds {
        std::size_t count = 8192;
        std::size_t bytes = 32UL * 1024 * 1024;
    };

    explicit pending_connections(core::timer_port& clock) : clock_(clock) {}
    pending_connections(const pending_connections&) = delete;
    pending_connections& operator=(const pending_connections&) = delete;
    ~pending_connections();

    void limit(bounds b) { bounds_ = b; }
    const bounds& limits() const { return bounds_; }
    /// May turn away others.
    void enter(member& m, const newcomer& who);
    /// It is idle no more, its next request has begun: it is the last of its address to be turned away.
    void begins(member& m);
    /// Bytes that are kept for it now. May turn away others.
    void holds(member& m, std::size_t bytes);
    /// Turns away those of the addresses that hold most until `bytes` of theirs are given back; what was.
    std::size_t shed(std::size_t bytes);

    std::size_t count() const { return count_; }
    std::size_t bytes() const { return bytes_; }
    /// Some had to go within the last 10 s because there was no place.
    bool full() const;
    /// There is no place, and nobody that has been here for long: accepting should rest, until on_room.
    bool rushed();
    std::function<void()> on_room = [] {};
    /// Called for each one that was turned away.
    std::function<void(why)> on_turned_away = [](why) {};

private:
    using member_list = boost::intrusive::list<
        member,
        boost::intrusive::base_hook<boost::intrusive::list_base_hook<
            boost::intrusive::tag<struct pending_tag>, boost::intrusive::link_mode<boost::intrusive::auto_unlink>>>,
        boost::intrusive::constant_time_size<false>>;
    /// What one address has.
    struct holder : hook {
        proto::ip_bytes address{};
        member_list idle;     ///< those that have been so for longest at the front
        member_list at_work;  ///< likewise
        bool many_behind = false;
        std::size_t count = 0;
        std::size_t bytes = 0;
    };
    using holder_list =
        boost::intrusive::list<holder, boost::intrusive::base_hook<hook>, boost::intrusive::constant_time_size<false>>;

    void place(holder& h);
    void remove(member& m);
    void turn_away(member& m, why reason);
    static member& first_of(holder& h) { return h.idle.empty() ? h.at_work.front() : h.idle.front(); }
    bool may_go(holder& h) const;

    core::timer_port& clock_;
    bounds bounds_;
    std::unordered_map<proto::ip_bytes, holder, address_hash> holders_;
    std::vector<holder_list> by_count_;  ///< holders with so many members
    std::size_t most_ = 0;               ///< members of the largest holder
    std::size_t count_ = 0;
    std::size_t bytes_ = 0;
    core::timer_port::clock::time_point full_until_{};
    bool resting_ = false;
};

}  // namespace wsidecar::net
