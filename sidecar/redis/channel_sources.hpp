#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/source.hpp"

namespace wsidecar::redis {

/// Converts messages of the app's own channels (`sources`) into pushes. Delivery is at most once, because Redis pub/sub is. Every
/// instance receives each message and delivers it to its own clients. Event loop only.
class channel_sources {
public:
    using deliver = std::function<void(const proto::envelope&, const core::push_origin&)>;

    /// `readers` has one element for each entry of config.sources, in the same order. All references must outlive this object.
    channel_sources(const std::vector<source_reader>& readers, command_port& commands, const config::config& c, keys k,
                    core::metrics& m, const core::timer_port& timers)
        : readers_(readers), link_(commands), config_(c), keys_(std::move(k)), metrics_(m), timers_(timers) {}

    void start(deliver d) { deliver_ = std::move(d); }
    /// Handles a message of the source with this index in config.sources.
    void on_message(std::size_t number, std::string_view channel, std::string_view payload);
    /// Notes that a client is about to publish this payload, so that a source with `echo: false` does not send it back to that client.
    void remember(const std::string& connection, const std::string& channel, std::string_view payload);
    /// A push with core::of_channel has ended. If a client received it, a callback is queued for the app (lua/queue_callback.lua).
    void settled(core::delivery_id id, const core::delivery_outcome& o);

private:
    struct own_message {
        std::uint64_t hash;  ///< of channel and payload
        std::string connection;
        core::timer_port::clock::time_point at;
    };
    struct pending_callback {
        std::string sum;  ///< SHA-1 of channel and payload, the same on all instances
        std::string callback;
    };

    const std::vector<source_reader>& readers_;
    command_port& link_;
    const config::config& config_;
    keys keys_;
    core::metrics& metrics_;
    const core::timer_port& timers_;
    deliver deliver_;
    std::deque<own_message> own_messages_;  ///< of the last few seconds, the oldest first
    std::unordered_map<core::delivery_id, pending_callback> callbacks_;
    core::delivery_id next_ = core::first_delivery_id;
};

}  // namespace wsidecar::redis
