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

/// Sends pending callbacks (a source's `delivered`) to this instance's app. They wait in a queue in Redis, each as
/// `{"post":PATH,"ids":[...]}`. Any instance takes up to 100 at a time, sends its app one request for each path, and removes them when
/// the app accepts. Callbacks that the app does not accept go back to the queue for another instance, and so do those of a dead
/// instance. Event loop only.
class callbacks {
public:
    /// Posts `body` to `path` of the app. `id` identifies the request; the callback says whether the app accepted it.
    using tell =
        std::function<void(const std::string& path, std::string body, const std::string& id, std::function<void(bool)>)>;

    callbacks(command_port& commands, const config::config& c, keys k, core::timer_port& timers);

    /// `on_duty` returns whether this instance looks into the queue by itself (roster.hpp); other instances look only on help().
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
    bool wanted_;  ///< whether any source has `delivered`
    tell tell_;
    std::function<bool()> on_duty_;
    core::timer_port::clock::time_point
        hold_;  ///< nothing is taken before this time, because the app did not accept a callback
    core::timer_port::handle timer_;
};

}  // namespace wsidecar::redis
