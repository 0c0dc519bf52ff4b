#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/keys.hpp"

namespace wsidecar::redis {

/// The live instances, as far as this one knows. A few of them are on duty: they check often whether an instance or the router has
/// died and whether there is work for any instance. The others check only when they renew their leases, so that idle instances cost
/// Redis little, however many there are. All instances with the same roster agree on who is on duty; with up to `seats` instances, all
/// are. Event loop only.
class roster {
public:
    /// The number of instances on duty. A hash of the instance ids chooses them, so that one rack or zone is unlikely to hold them all.
    static inline std::size_t seats = 8;  // the simulator changes it

    explicit roster(std::string instance) : instance_(std::move(instance)) {}

    void rename(std::string instance);
    /// Replaces the roster. `number` counts the roster's changes in Redis.
    void take(std::int64_t number, std::vector<std::string> others);
    /// Reads the roster again (HKEYS `instances`) if `number` differs from number(). `link` must be stopped before this object is destroyed.
    void refresh(command_port& link, const keys& k, std::int64_t number);
    /// Adds an instance that has announced itself. number() does not change, so the next heartbeat reads the whole roster again.
    void add(std::string_view instance);

    std::int64_t number() const { return number_; }
    const std::vector<std::string>& others() const { return others_; }
    /// Whether some instances are not on duty.
    bool is_large() const { return others_.size() + 1 > seats; }
    /// The number of instances that come before this one in the order of hashes.
    std::size_t rank() const { return rank_; }
    bool on_duty() const { return rank_ < seats; }

private:
    void count();

    std::string instance_;
    std::int64_t number_ = -1;
    std::vector<std::string> others_;
    std::size_t rank_ = 0;
};

}  // namespace wsidecar::redis
