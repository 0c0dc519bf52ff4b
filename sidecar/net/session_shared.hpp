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

/// As many queues as sessions usually have something to send in one loop turn. More are freed.
inline constexpr std::size_t spare_queues_at_most = 1024;

/// State that all sessions of the event loop share. Must outlive them. Event loop only.
struct session_shared {
    session_shared(boost::asio::io_context& loop, core::gateway& gateway, core::metrics& metrics, timers& clock,
                   const config::config& config);

    /// Returns a queue for a session with something to send; idle sessions have none. Inline, because every delivery runs this code.
    std::unique_ptr<out_queue> take_queue() {
        if (spare_queues_.empty()) {
            return std::make_unique<out_queue>();
        }
        auto queue = std::move(spare_queues_.back());
        spare_queues_.pop_back();
        return queue;
    }
    /// Takes an empty queue, and leaves null.
    void give_queue(std::unique_ptr<out_queue>& queue) {
        if (spare_queues_.size() < spare_queues_at_most && queue->reusable()) {
            spare_queues_.push_back(std::move(queue));
        } else {
            queue.reset();
        }
    }

    /// Returns `frame` compressed with a window of `window_bits` (8 to proto::deflate_window_bits), or `frame` itself if that is not smaller.
    /// Sessions that ask for the same frame in succession share the result.
    core::frame_ptr deflated(const core::frame_ptr& frame, std::uint8_t window_bits);
    /// Returns a message as SockJS's `a["..."]`, or null if it is not UTF-8. The result is shared in the same way.
    core::frame_ptr sockjs_framed(const core::frame_ptr& frame);
    /// Returns a message as a server-sent event without its id. The result is shared in the same way.
    core::frame_ptr event_framed(const core::frame_ptr& frame);

    /// Counts a message without a reported outcome, which the kernel has taken.
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
    session_list sessions;      ///< all sessions with an open socket
    std::size_t open = 0;       ///< sessions whose end has not been reported to the gateway
    std::vector<char> scratch;  ///< buffer for one read; views of it end with the read
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
