#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "sidecar/core/ports.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/keys.hpp"

namespace wsidecar::redis {

/// Makes the connections in Redis equal to those of this instance after Redis was away or has gone back in time. It registers those that
/// Redis may lack, a bounded number at once, and finds those that only Redis has (lua/roll.lua). Event loop only.
class resync {
public:
    struct hooks {
        /// Returns all connections of this instance.
        std::function<std::vector<core::registration>()> all;
        /// Registers one connection. `done` runs when Redis has answered or is away.
        std::function<void(const core::registration&, std::function<void()> done)> enroll;
        /// Redis has this connection; the owner corrects the entry if it is wrong.
        std::function<void(const std::string& connection)> found;
        /// Returns whether registrations may be sent.
        std::function<bool()> well;
        /// Redis has exactly the connections of this instance.
        std::function<void()> done;
    };

    resync(command_port& link, keys k) : link_(link), keys_(std::move(k)) {}

    void start(hooks h) { hooks_ = std::move(h); }
    /// Registers the marked connections. With `everything`, registers all connections and looks for those that only Redis has.
    void begin(const std::string& instance, bool everything);
    /// The connection to Redis was lost, so outstanding replies will not come.
    void on_down();
    /// Forgets everything, because this instance has a new id.
    void clear();

    /// Marks a connection whose entry in Redis may be wrong.
    void mark(const std::string& connection) { marked_.insert(connection); }
    void unmark(const std::string& connection) { marked_.erase(connection); }
    /// This connection need not be registered here: it has ended, or is being registered elsewhere.
    void skip(const std::string& connection);

    bool enrolling() const { return enrolling_ > 0; }
    bool comparing() const { return comparison_ == comparison::under_way; }
    bool has_marks() const { return !marked_.empty(); }

private:
    enum class comparison : std::uint8_t { none, under_way, done };

    void compare(const std::string& cursor);
    void enroll_next();
    void check();

    command_port& link_;
    keys keys_;
    hooks hooks_;
    std::string instance_;
    comparison comparison_ = comparison::none;  ///< with what Redis has
    std::unordered_set<std::string> marked_;
    std::vector<core::registration> waiting_;
    std::unordered_set<std::string> skipped_;  ///< some of `waiting_`
    std::size_t enrolling_ = 0;
};

}  // namespace wsidecar::redis
