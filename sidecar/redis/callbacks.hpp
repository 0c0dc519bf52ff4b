#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "proto/resp.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/work_queue.hpp"

namespace wsidecar::redis {

/// What apps are to be told of deliveries (a source's `delivered`): a queue in Redis, `{"post":PATH,"ids":[...]}` each. Any instance takes
/// up to 100 at a time, tells its own app in one request for each path, and removes them on its answer; what the app does not take
/// another one's gets. A dead instance's come back to the queue. Event loop only.
class callbacks {
public:
    using tell =
        std::function<void(const std::string& path, std::string body, const std::string& id, std::function<void(bool)>)>;

    callbacks(command_port& commands, const config::config& c, keys k, core::timer_port& timers);

    /// `on_duty`: whether this instance looks often (roster.hpp); the others are called with help().
    void start(const std::string& instance, tell t, std::function<bool()> on_duty);
    void help() { take(); }
    void rename(const std::string& instance) { queue_.rename(instance); }
    void stop() { timer_.reset(); }

private:
    void look();
    void take();
    void on_taken(const std::vector<std::string>& taken);
    void send(const std::string& path, const std::string& body, const std::vector<std::string>& entries);

    work_queue queue_;
    core::timer_port& timers_;
    bool wanted_;  ///< a source has `delivered`
    tell tell_;
    std::function<bool()> on_duty_;
    core::timer_port::clock::time_point hold_;  ///< after what the app did not take
    core::timer_port::handle timer_;
};

}  // namespace wsidecar::redis
