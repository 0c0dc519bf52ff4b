#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "config/config.hpp"
#include "proto/ws/deflate.hpp"
#include "sidecar/core/frame.hpp"
#include "sidecar/core/gateway.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/net/client_session.hpp"
#include "sidecar/net/flusher.hpp"
#include "sidecar/net/out_queue.hpp"
#include "sidecar/net/poller.hpp"
#include "sidecar/net/timers.hpp"

namespace wsidecar::net {

/// What all sessions of the loop use together. Lives as long as the last of them.
struct session_shared {
    session_shared(boost::asio::io_context& loop, core::gateway& gateway, core::metrics& metrics, timers& clock,
                   const config::config& config);

    /// A queue for a session that has something to send; idle ones have none.
    std::unique_ptr<out_queue> take_queue();
    void give_queue(std::unique_ptr<out_queue> queue);

    /// `frame` compressed with a window of 8 to proto::deflate_window_bits bits, or itself when that is no gain. Sessions that
    /// get the same frame one after the other share the work.
    core::frame_ptr deflated(const core::frame_ptr& frame, std::uint8_t window_bits);
    /// A message of the gateway as SockJS's `a["..."]`; null when it is not UTF-8. The work is shared likewise.
    core::frame_ptr sockjs_framed(const core::frame_ptr& frame);
    /// A message of the gateway as a server-sent event, without its id. The work is shared likewise.
    core::frame_ptr event_framed(const core::frame_ptr& frame);

    /// A message that nobody waits for word of is with the kernel.
    void count_delivered(std::uint64_t tag) {
        delivered_channel += tag == core::tag_channel ? 1 : 0;
        delivered_answer += tag == core::tag_answer ? 1 : 0;
        delivered_history += tag == core::tag_history ? 1 : 0;
    }

    boost::asio::io_context& loop;
    core::gateway& gateway;
    core::metrics& metrics;
    timers& clock;
    const config::config* config;  ///< the one in force
    flusher flush;
    poller sockets;
    session_list sessions;      ///< all whose socket is open
    std::size_t open = 0;       ///< those the gateway has not been told the end of
    std::vector<char> scratch;  ///< for one read; nobody keeps a view of it
    core::frame_ptr ping;
    core::frame_ptr sockjs_heartbeat;
    std::unique_ptr<proto::inflater> inflate;  ///< made for the first session that negotiates deflate

    double& delivered_answer;
    double& delivered_channel;
    double& delivered_history;
    double& queued_bytes;
    double& window_bytes;

private:
    std::vector<std::unique_ptr<out_queue>> spare_queues_;
    struct compression {
        std::unique_ptr<proto::deflater> deflate;  ///< made for the first message
        core::frame_ptr plain;                     ///< the last one
        core::frame_ptr compressed;
    };
    std::array<compression, proto::deflate_window_bits + 1> compressions_;  ///< by window bits
    core::frame_ptr unframed_;
    core::frame_ptr framed_;
    core::frame_ptr no_event_;
    core::frame_ptr event_;
};

}  // namespace wsidecar::net
