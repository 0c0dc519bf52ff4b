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

/// The channels and patterns that this instance subscribes to (SUBSCRIBE, SSUBSCRIBE with redis.sharded, PSUBSCRIBE). For each, it
/// counts the connections that need it and knows whether Redis has confirmed the subscription. Event loop only.
class channel_set {
public:
    /// `link` is the connection in subscribed mode. Both arguments must outlive this object.
    channel_set(command_port& link, const config::config& c) : link_(link), config_(c) {}

    /// Sets which names are patterns. Must be called before any other function.
    void set_patterns(std::vector<std::string> patterns) { patterns_ = std::move(patterns); }
    bool is_pattern(std::string_view name) const;

    /// Adds a channel that the instance itself needs permanently. It is subscribed to now, or when the connection comes up.
    void add(const std::string& name);
    /// Sets the names by which a client connection can be addressed; `names` replaces the previous list. `done` runs once Redis has
    /// confirmed all of them, and before want() returns if it already has or if the connection to Redis is down.
    void want(const std::string& connection, const std::vector<std::string>& names, std::function<void()> done);
    /// Releases the names of a client connection that has ended.
    void drop(const std::string& connection);

    /// The connection to Redis is up: subscribes to all names.
    void on_up();
    /// The connection to Redis is down: calls every `done` that waits for confirmations.
    void on_down();
    void on_confirmed(std::string_view name);
    /// Subscribes again to names that Redis has not confirmed. Returns false if it has confirmed all.
    bool retry();

    /// Whether the name is in use and Redis has confirmed the subscription.
    bool is_confirmed(std::string_view name) const;
    std::size_t size() const { return channels_.size(); }

private:
    struct waiter {
        std::size_t missing = 0;
        std::function<void()> done;
    };
    struct channel {
        std::uint32_t users = 0;
        std::uint32_t unconfirmed = 0;                                  ///< subscribe commands without a confirmation yet
        std::unique_ptr<std::vector<std::shared_ptr<waiter>>> waiting;  ///< null: nobody
    };
    template <class T>
    using by_name = std::unordered_map<core::text, T, core::text_hash, core::text_equal>;
    using channels = by_name<channel>;
    /// The entry for this name; inserts an empty one if there is none.
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
