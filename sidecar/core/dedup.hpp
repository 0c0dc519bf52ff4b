#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "sidecar/core/keyed_hash.hpp"

namespace wsidecar::core {

/// Remembers which push ids a connection was sent, or a user has confirmed, recently. Each entry is a 64-bit keyed hash, so that nobody can
/// choose a name that collides with another one. Two generations of entries take turns: an entry is remembered for at least the window and
/// at most twice as long, and nothing is scanned. Event loop only.
class dedup {
public:
    using time_point = std::chrono::steady_clock::time_point;

    explicit dedup(std::chrono::milliseconds window) : window_(window) {}

    static std::uint64_t hash(std::string_view name) { return keyed_hash(name); }

    /// Returns true for the first time within the window, false for a repetition. `push` is the hash of the push's id.
    bool first(std::string_view name, std::uint64_t push, time_point now) {
        if (now - turned_ >= window_) {
            const bool both = now - turned_ >= 2 * window_;
            previous_ = both ? set{} : std::move(current_);
            current_.clear();
            turned_ = now;
        }
        const std::uint64_t key = combine(name, push);
        if (previous_.contains(key)) {
            return false;
        }
        return current_.insert(key).second;
    }
    bool contains(std::string_view name, std::uint64_t push) const {
        const std::uint64_t key = combine(name, push);
        return current_.contains(key) || previous_.contains(key);
    }
    /// Removes an entry, because the push was not sent after all.
    void forget(std::string_view name, std::uint64_t push) {
        const std::uint64_t key = combine(name, push);
        current_.erase(key);
        previous_.erase(key);
    }

    /// Sets the window for later calls.
    void set_window(std::chrono::milliseconds window) { window_ = window; }

    std::size_t size() const { return current_.size() + previous_.size(); }

private:
    using set = boost::unordered_flat_set<std::uint64_t>;

    static std::uint64_t combine(std::string_view a, std::uint64_t b) {
        std::uint64_t x = hash(a) * 0x9E3779B97F4A7C15ULL ^ b;
        x ^= x >> 29U;
        return x * 0xBF58476D1CE4E5B9ULL;
    }

    std::chrono::milliseconds window_;
    time_point turned_{};
    set current_;
    set previous_;
};

}  // namespace wsidecar::core
