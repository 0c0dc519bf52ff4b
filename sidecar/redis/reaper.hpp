#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "config/config.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/command_port.hpp"

namespace wsidecar::redis {

/// Takes over from instances that died (contract section 4): presence out, their inbox back to the router in order, their
/// disconnect events into `lost`, which every instance works off through its own app. Does nothing until its own Redis
/// connection has been well for lease + 2 s: an outage of Redis reaps nobody. Every step may be repeated. Event loop only.
class reaper {
public:
    using speak = std::function<void(const core::lost_connection&, std::function<void(bool)>)>;

    reaper(command_port& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers);

    /// `steady`: since when this instance's own lease has been renewed without a break.
    void start(const std::string& instance, std::function<core::timer_port::clock::time_point()> steady, speak s);
    void rename(const std::string& instance) { instance_ = instance; }
    void wind_down() {
        timer_.reset();
        leaving_ = true;
    }
    void stop() { wind_down(); }

    /// Hands this instance's own things on, in repeatable batches; `done` when nothing is left or Redis does not answer.
    void evacuate_self(std::function<void()> done);

private:
    void look();
    void on_suspects(proto::reply_view r);
    void bury(const std::string& instance);
    void evacuate(const std::string& instance, std::function<void(bool)> done);
    void take_lost();
    void speak_for(const std::string& entry);

    command_port& link_;
    const config::config& config_;
    keys keys_;
    core::metrics& metrics_;
    core::timer_port& timers_;
    std::string instance_;
    speak speak_;
    std::function<core::timer_port::clock::time_point()> steady_;
    std::map<std::string, core::timer_port::clock::time_point> suspects_;  ///< since when without a lease, as seen here
    std::set<std::string> evacuating_;
    std::size_t speaking_ = 0;
    core::timer_port::clock::time_point hold_;  ///< after an event that the app did not take
    bool leaving_ = false;
    core::timer_port::handle timer_;
};

}  // namespace wsidecar::redis
