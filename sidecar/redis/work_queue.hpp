#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/keys.hpp"

namespace wsidecar::redis {

/// A queue in Redis that all instances process: `lost` or `callbacks`. An instance moves some entries to its own list (lua/take_work.lua),
/// and removes them when they are done or gives them back (lua/end_work.lua). A dead instance's entries return to the queue
/// (lua/evacuate.lua). Lost replies do no harm: taking again returns the entries that were taken and not ended, and an end without a reply
/// is written again. Event loop only.
class work_queue {
public:
    work_queue(command_port& commands, keys k, std::string queue)
        : link_(commands), keys_(std::move(k)), queue_(std::move(queue)) {}

    void start(const std::string& instance) { instance_ = instance; }
    /// This instance continues under a new id, under which it has taken nothing.
    void rename(const std::string& instance);

    /// Calls `use` with entries that are not being processed here, at most `most`. Does nothing while entries are being processed or Redis is
    /// away.
    void take(const char* most, std::function<void(std::vector<std::string>)> use);
    /// Ends the work on these entries. With `taken`, they are done; otherwise they go back to the queue for another instance.
    void done(const std::vector<std::string>& entries, bool taken);
    bool idle() const { return in_hand_ == 0 && !taking_; }

private:
    enum class stage : std::uint8_t { in_hand, taken, refused };
    void say_done(const std::vector<std::string>& entries, bool taken);

    command_port& link_;
    keys keys_;
    std::string queue_;
    std::string instance_;
    std::unordered_map<std::string, stage> entries_;  ///< taken here, until Redis has confirmed their end
    std::size_t in_hand_ = 0;
    bool taking_ = false;
};

}  // namespace wsidecar::redis
