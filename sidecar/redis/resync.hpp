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

/// Makes Redis have exactly the connections that this instance has, after Redis was away or has gone back in time: registers what may be missing there,
/// a bounded number at once, and finds what only Redis has (lua/roll.lua). Event loop only.
class resync {
public:
    struct hooks {
        /// All connections of this instance.
        std::function<std::vector<core::registration>()> all;
        /// Registers one; `done` is called once Redis has answered or is away.
        std::function<void(const core::registration&, std::function<void()> done)> enroll;
        /// Redis has this connection: whoever knows better says so.
        std::function<void(const std::string& connection)> found;
        /// Registrations may be sent.
        std::function<bool()> well;
        /// Nothing is missing, and nothing else is there.
        std::function<void()> done;
    };

    resync(command_port& link, keys k) : link_(link), keys_(std::move(k)) {}

    void start(hooks h) { hooks_ = std::move(h); }
    /// Registers the connections that are marked. `everything`: all of them, and looks for what only Redis has.
    void begin(const std::string& instance, bool everything);
    /// The connection to Redis went: answers that were awaited come no more.
    void on_down();
    /// Under another id all begins anew.
    void clear();

    /// The entry of this connection may differ from the truth.
    void mark(const std::string& connection) { marked_.insert(connection); }
    void unmark(const std::string& connection) { marked_.erase(connection); }
    /// It needs not be registered by this any more: it has ended, or is being registered.
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
    std::size_t enrolling_ = 0;
};

}  // namespace wsidecar::redis
