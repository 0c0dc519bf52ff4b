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
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/roster.hpp"
#include "sidecar/redis/work_queue.hpp"

namespace wsidecar::redis {

/// Takes over from instances that have died: removes their presence, returns their inboxes to the router in order, and puts their
/// disconnect events into `lost`, from which every instance sends some to its own app. An instance counts as dead when this one has seen
/// no new heartbeat from it for the lease plus 1 s, by this instance's steady clock, while its own connection to Redis worked. So
/// neither an outage of Redis nor a step of Redis's clock makes an instance count as dead. The instances on duty look for dead ones
/// (roster.hpp), and others do while none on duty does. Every step may be repeated. Event loop only.
class reaper {
public:
    using disconnect = std::function<void(const core::lost_connection&, std::function<void(bool)>)>;

    reaper(command_port& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers);

    /// `steady` returns the time since when this instance's own lease has been renewed without a break. `d` sends a disconnect event to the
    /// app and reports whether the app has accepted it.
    void start(const std::string& instance, const roster& all, std::function<core::timer_port::clock::time_point()> steady,
               disconnect d);
    /// Takes some of the disconnect events that wait in `lost`.
    void help() { take_lost(); }
    /// Looks for dead instances for a while, because no instance on duty does.
    void stand_in();
    void rename(const std::string& instance) {
        instance_ = instance;
        lost_.rename(instance);
    }
    /// This instance's app has not accepted an event: takes no events for 2 s, so that they go to other instances' apps.
    void pause() { hold_ = timers_.now() + std::chrono::seconds(2); }
    /// Redis is another process or master, or has lost its data: forgets the heartbeats seen so far. The new data may not know which
    /// instances are dead.
    void forget_beats();
    /// Takes no more work. Work under way is finished.
    void wind_down() {
        timer_.reset();
        leaving_ = true;
    }
    void stop() { wind_down(); }

    /// Hands this instance's own connections and pushes to other instances, in repeatable batches. `done` runs when nothing is left or
    /// Redis does not answer.
    void evacuate_self(std::function<void()> done);

private:
    void look();
    void on_beats(proto::reply_view r);
    void bury(const std::string& instance, const std::string& beat);
    void evacuate(const std::string& instance, std::function<void(bool)> done);
    void take_lost();
    void send_disconnect(const std::string& entry);

    command_port& link_;
    const config::config& config_;
    keys keys_;
    core::metrics& metrics_;
    core::timer_port& timers_;
    std::string instance_;
    disconnect disconnect_on_behalf_;
    std::function<core::timer_port::clock::time_point()> steady_;
    struct sighting {
        std::string beat;
        core::timer_port::clock::time_point since;  ///< when this instance first saw it
    };
    std::map<std::string, sighting> seen_;
    std::set<std::string> evacuating_;
    core::timer_port::clock::time_point looked_{};  ///< when heartbeats were last read
    std::deque<std::string> buried_;                ///< instances that this one declared dead, the latest last
    work_queue lost_;
    core::timer_port::clock::time_point hold_;  ///< nothing is taken before this time, because the app did not accept an event
    const roster* roster_ = nullptr;
    core::timer_port::clock::time_point stands_in_until_{};
    bool leaving_ = false;
    core::timer_port::handle timer_;
};

}  // namespace wsidecar::redis
