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

/// Takes over from instances that died: presence out, their inbox back to the router in order, their disconnect events into `lost`,
/// which every instance works off through its own app. An instance is dead when this one has seen no new beat of it for the lease and a second, by its
/// own steady clock, while its own connection to Redis was well: neither an outage of Redis nor a step of its clock reaps anybody. Those on duty
/// look (roster.hpp), and others as long as nobody does. Every step may be repeated. Event loop only.
class reaper {
public:
    using disconnect = std::function<void(const core::lost_connection&, std::function<void(bool)>)>;

    reaper(command_port& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers);

    /// `steady`: since when this instance's own lease has been renewed without a break. `d` sends a disconnect event to the app, and says whether it has
    /// taken it.
    void start(const std::string& instance, const roster& all, std::function<core::timer_port::clock::time_point()> steady,
               disconnect d);
    /// Disconnect events wait in `lost`: takes some of them.
    void help() { take_lost(); }
    /// Nobody on duty looks for dead instances: this one does for a while.
    void stand_in();
    void rename(const std::string& instance) {
        instance_ = instance;
        lost_.rename(instance);
    }
    /// This instance's app has not taken an event: for 2 s the next ones go to apps of other instances.
    void pause() { hold_ = timers_.now() + std::chrono::seconds(2); }
    /// Redis is another process or master, or has lost its data: what was seen of beats there counts for nothing, and it may not know any more who is
    /// dead.
    void forget_beats();
    /// Takes no more work; what is under way ends.
    void wind_down() {
        timer_.reset();
        leaving_ = true;
    }
    void stop() { wind_down(); }

    /// Hands this instance's own things on, in repeatable batches; `done` when nothing is left or Redis does not answer.
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
        core::timer_port::clock::time_point since;  ///< when it was first seen here
    };
    std::map<std::string, sighting> seen_;
    std::set<std::string> evacuating_;
    core::timer_port::clock::time_point looked_{};  ///< when beats were seen last
    std::deque<std::string> buried_;                ///< by this instance, the latest last
    work_queue lost_;
    core::timer_port::clock::time_point hold_;  ///< after an event that the app did not take
    const roster* roster_ = nullptr;
    core::timer_port::clock::time_point stands_in_until_{};
    bool leaving_ = false;
    core::timer_port::handle timer_;
};

}  // namespace wsidecar::redis
