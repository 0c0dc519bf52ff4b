#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <unordered_set>

namespace wsidecar::core {

/// Remembers which push ids a connection was sent lately. Two generations of half-open windows: an entry is
/// remembered for at least the window and at most twice as long; nothing is scanned.
class dedup {
public:
    using time_point = std::chrono::steady_clock::time_point;

    explicit dedup(std::chrono::milliseconds window) : window_(window) {}

    /// True the first time within the window, false for a repetition.
    bool first(std::string_view connection, std::string_view push, time_point now) {
        if (now - turned_ >= window_) {
            const bool both = now - turned_ >= 2 * window_;
            previous_ = both ? set{} : std::move(current_);
            current_.clear();
            turned_ = now;
        }
        const std::uint64_t key = combine(connection, push);
        if (previous_.contains(key)) {
            return false;
        }
        return current_.insert(key).second;
    }

    std::size_t size() const { return current_.size() + previous_.size(); }

private:
    using set = std::unordered_set<std::uint64_t>;

    static std::uint64_t combine(std::string_view a, std::string_view b) {
        const std::hash<std::string_view> h;
        std::uint64_t x = h(a) * 0x9E3779B97F4A7C15ULL ^ h(b);
        x ^= x >> 29U;
        return x * 0xBF58476D1CE4E5B9ULL;
    }

    std::chrono::milliseconds window_;
    time_point turned_{};
    set current_;
    set previous_;
};

}  // namespace wsidecar::core
