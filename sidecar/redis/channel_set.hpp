#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/text.hpp"
#include "sidecar/redis/command_port.hpp"

namespace wsidecar::redis {

/// The channels and patterns that this instance is subscribed to (SUBSCRIBE, SSUBSCRIBE with redis.sharded, PSUBSCRIBE), how many connections need each,
/// and which of them Redis has confirmed. Event loop only.
class channel_set {
public:
    /// `link`: in subscribed mode.
    channel_set(command_port& link, const config::config& c) : link_(link), config_(c) {}

    /// Names that are patterns. Call it before any other function.
    void set_patterns(std::vector<std::string> patterns) { patterns_ = std::move(patterns); }
    bool is_pattern(std::string_view name) const;

    /// The instance itself needs it for good. It is subscribed to when the connection comes up, or now if it is up already.
    void add(const std::string& name);
    /// The names that this connection can be addressed by: all of them, each time. `done` runs once Redis has confirmed all; at once when it has, or
    /// while the connection to Redis is down.
    void want(const std::string& connection, const std::vector<std::string>& names, std::function<void()> done);
    /// The connection has gone.
    void drop(const std::string& connection);

    /// The connection to Redis is there: subscribes to all.
    void on_up();
    /// It is not: nobody waits for confirmations any more.
    void on_down();
    void on_confirmed(std::string_view name);
    /// Asks again for what Redis has not confirmed. False: it has confirmed all.
    bool retry();

    /// Somebody needs it, and Redis has confirmed it.
    bool is_confirmed(std::string_view name) const;
    std::size_t size() const { return channels_.size(); }

private:
    struct waiter {
        std::size_t missing = 0;
        std::function<void()> done;
    };
    struct channel {
        std::uint32_t users = 0;
        std::uint32_t unconfirmed = 0;                                  ///< SUBSCRIBEs on their way
        std::unique_ptr<std::vector<std::shared_ptr<waiter>>> waiting;  ///< null: nobody
    };
    template <class T>
    using by_name = std::unordered_map<core::text, T, core::text_hash, core::text_equal>;
    using channels = by_name<channel>;
    /// The entry of this name, an empty one if there was none.
    template <class T>
    static typename by_name<T>::value_type& entry_of(by_name<T>& in, std::string_view name) {
        const auto it = in.find(name);
        return it != in.end() ? *it : *in.emplace(name, T()).first;
    }

    void subscribe(const std::vector<std::string>& names);
    void release(channels::value_type& c);

    command_port& link_;
    const config::config& config_;
    std::vector<std::string> patterns_;
    channels channels_;
    by_name<std::vector<channels::value_type*>> held_;  ///< by connection
};

}  // namespace wsidecar::redis
