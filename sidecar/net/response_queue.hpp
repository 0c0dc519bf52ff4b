#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sidecar/core/connection.hpp"
#include "sidecar/core/place.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/net/session_shared.hpp"

namespace wsidecar::net {

/// Messages for a client whose connection is HTTP responses (SockJS without WebSockets, server-sent events): bounded by
/// limits.queue, given to a response part by part, and confirmed by the kernel's word, which is all that HTTP has.
class response_queue {
public:
    struct item {
        core::frame_ptr frame;
        std::uint64_t tag;
        std::uint64_t collapse;
        core::place at{};
    };

    explicit response_queue(session_shared& shared) : shared_(shared) {}

    std::size_t bytes() const { return bytes_; }
    bool empty() const { return items_.empty(); }
    /// Everything in it is with the response.
    bool all_given() const { return given_ == items_.size(); }

    /// Takes a message within the route's limits.queue; one that is larger may still go out on its own. False: there is no room, also after
    /// what the route would rather lose than the connection. Then all that waits is dropped with it, and counted.
    bool take(item i, core::connection& c, const config::route& route);
    void push(item i);
    /// A message that waits gives its place to a newer one with the same key.
    void make_room(core::connection& c, std::uint64_t collapse);
    /// Pushes of the list that wait go elsewhere.
    void drop_pushes();
    /// What waits has nowhere to go.
    void drop(const char* reason);

    /// The first that is not with the response. Not if all_given().
    const item& next() const { return items_[given_]; }
    /// That one is.
    void give() { ++given_; }
    /// The response has ended without it, as far as anybody knows.
    void not_taken() { given_ = 0; }
    /// What the response was given is with the kernel.
    void written();
    /// Tells the gateway of it; at the end of the turn, where nothing else is under way. `c`: null once that has ended.
    void confirm(core::connection* c);

private:
    bool has_room(const config::route& route, std::size_t size) const {
        return bytes_ == 0 || bytes_ + size <= route.limits.queue;
    }
    /// The queue is full: whether the route would rather lose messages than the connection, and did.
    bool drop_waiting(core::connection& c, std::size_t needed);
    std::uint64_t take_out(std::vector<item>::iterator i);

    session_shared& shared_;
    std::vector<item> items_;  ///< the first given_ are with the response
    std::size_t given_ = 0;
    std::size_t bytes_ = 0;
    std::uint64_t confirmed_[2] = {0, 0};  ///< last tags written that the gateway has not been told of: by write, by pong
};

}  // namespace wsidecar::net
