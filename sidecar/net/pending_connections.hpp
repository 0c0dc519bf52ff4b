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

/// The client connections that the gateway does not have: TLS handshakes, incomplete request heads, idle keep-alive connections, answers being
/// sent. Anyone who reaches the port can open them, so they are bounded in number, in bytes held, and per address. When a bound is reached,
/// the newcomer is admitted and another connection is closed: of the address with most connections, the one that has been idle longest, or
/// has been busy with one request longest. If many clients redial behind one proxy and all their connections are busy, none is closed and
/// accepting is paused, unless the clients are silent. Event loop only.
class pending_connections {
    struct holder;
    using hook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

public:
    enum class why : std::uint8_t {
        crowded,      ///< there are too many connections
        per_address,  ///< its address has too many (connections_per_address)
        memory,       ///< they hold too many bytes, or the process is short of memory
    };

    /// A connection that is counted here. It must leave before it is destroyed.
    class member : public boost::intrusive::list_base_hook<boost::intrusive::tag<struct pending_tag>,
                                                           boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    public:
        /// Whether it is counted here.
        bool pending() const { return holder_ != nullptr; }

    protected:
        member() = default;
        member(const member&) = delete;
        member& operator=(const member&) = delete;
        virtual ~member() = default;
        void leave_pending();

    private:
        friend class pending_connections;
        /// The connection must end; it is no longer counted here. It must not end before this returns.
        virtual void give_way() = 0;
        /// Whether everything that the peer has sent was read, so that the peer causes the delay. Called when there is no place.
        virtual bool waits_for_peer() const { return false; }

        pending_connections* all_ = nullptr;
        holder* holder_ = nullptr;
        std::size_t bytes_ = 0;
        core::timer_port::clock::time_point since_;
        bool idle_ = false;
    };

    struct newcomer {
        std::string_view address;
        std::size_t per_address = 0;  ///< most connections of its address; 0 for no limit
        bool many_behind = false;     ///< the address is that of a proxy
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
    /// Adds a connection. May close others.
    void enter(member& m, const newcomer& who);
    /// An idle connection's next request has begun. It becomes the last of its address to be closed.
    void begins(member& m);
    /// Sets the bytes held for a connection. May close others.
    void holds(member& m, std::size_t bytes);
    /// Closes connections of the addresses that hold most until `bytes` are freed. Returns the bytes freed.
    std::size_t shed(std::size_t bytes);

    std::size_t count() const { return count_; }
    std::size_t bytes() const { return bytes_; }
    /// Whether connections were closed within the last 10 s because there was no place.
    bool full() const;
    /// Whether there is no place and no old connection to close, so that accepting should pause until on_room.
    bool rushed();
    std::function<void()> on_room = [] {};
    /// Called for each connection that was closed.
    std::function<void(why)> on_turned_away = [](why) {};

private:
    using member_list = boost::intrusive::list<
        member,
        boost::intrusive::base_hook<boost::intrusive::list_base_hook<
            boost::intrusive::tag<struct pending_tag>, boost::intrusive::link_mode<boost::intrusive::auto_unlink>>>,
        boost::intrusive::constant_time_size<false>>;
    /// The connections of one address.
    struct holder : hook {
        proto::ip_bytes address{};
        member_list idle;     ///< idle connections, the longest idle first
        member_list at_work;  ///< connections with a request, the longest at it first
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
