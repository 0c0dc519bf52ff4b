#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/keys.hpp"

namespace wsidecar::redis {

/// The instances that are alive, as this one has last heard. A few of them are on duty: they look often whether an instance has died, whether the router
/// has, and whether there is work for any instance. The others look when they renew their leases, so that instances at rest cost Redis
/// little, however many there are. All instances of a roster agree on who is on duty; up to `seats` instances all are. Event loop only.
class roster {
public:
    /// How many are on duty. They are chosen by a hash of their names, so that a rack or zone that fails is unlikely to have all of them.
    static inline std::size_t seats = 8;  // the simulator changes it

    explicit roster(std::string instance) : instance_(std::move(instance)) {}

    void rename(std::string instance);
    /// `number` counts the changes of the roster in Redis.
    void take(std::int64_t number, std::vector<std::string> others);
    /// Reads the roster again (HKEYS `instances`) if `number` is another one. `link` must be stopped before this ends.
    void refresh(command_port& link, const keys& k, std::int64_t number);
    /// A newcomer has announced itself. The number stays: all are read again with the next beat.
    void add(std::string_view instance);

    std::int64_t number() const { return number_; }
    const std::vector<std::string>& others() const { return others_; }
    /// More than those who are on duty.
    bool is_large() const { return others_.size() + 1 > seats; }
    /// How many come before this one.
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
