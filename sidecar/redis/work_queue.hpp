#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/keys.hpp"

namespace wsidecar::redis {

/// A queue in Redis whose entries any instance may work off: `lost` or `callbacks`. An instance moves some entries to a list of its own (lua/take_work.lua)
/// and removes them when they are done, or gives them back (lua/end_work.lua); those of a dead instance come back to the queue (lua/evacuate.lua). An answer
/// of Redis may get lost: taking again gives what was taken and not ended before, and an end that was not answered is said again. Event loop only.
class work_queue {
public:
    work_queue(command_port& commands, keys k, std::string queue)
        : link_(commands), keys_(std::move(k)), queue_(std::move(queue)) {}

    void start(const std::string& instance) { instance_ = instance; }
    /// This instance goes on under a new id, under which nothing has been taken yet.
    void rename(const std::string& instance);

    /// Calls `use` with the entries that nobody here works on yet, `most` at a time; not at all while some are worked on, or Redis is away.
    void take(const char* most, std::function<void(std::vector<std::string>)> use);
    /// The work on these has ended. `taken`: they are done; else another instance may do better.
    void done(const std::vector<std::string>& entries, bool taken);
    bool idle() const { return in_hand_ == 0 && !taking_; }

private:
    enum class stage : std::uint8_t { in_hand, taken, refused };
    void say_done(const std::vector<std::string>& entries, bool taken);

    command_port& link_;
    keys keys_;
    std::string queue_;
    std::string instance_;
    std::unordered_map<std::string, stage> entries_;  ///< taken here, until Redis has answered that they are ended
    std::size_t in_hand_ = 0;
    bool taking_ = false;
};

}  // namespace wsidecar::redis
