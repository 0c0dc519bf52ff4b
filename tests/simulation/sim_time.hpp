#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <vector>

namespace wsidecar::simulation {

/// Virtual time in microseconds since the schedule's begin.
using instant = std::int64_t;
inline constexpr instant ms = 1000;
inline constexpr instant second = 1000 * ms;

/// The seed's numbers (splitmix64).
class dice {
public:
    explicit dice(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        state_ += 0x9E3779B97F4A7C15ULL;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31U);
    }
    std::uint64_t below(std::uint64_t n) { return next() % n; }
    std::int64_t between(std::int64_t a, std::int64_t b) {
        return a + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(b - a + 1)));
    }
    /// True once in `n`, on average.
    bool once_in(std::uint64_t n) { return below(n) == 0; }
    /// How long a message is on its way: mostly short, now and then long.
    instant latency() {
        const auto k = below(64);
        return k < 48 ? between(20, 400) : k < 62 ? between(400, 8000) : between(8000, 90000);
    }

private:
    std::uint64_t state_;
};

/// What happens, in the order of time.
class event_queue {
public:
    instant now() const { return now_; }
    void at(instant when, std::function<void()> what) { events_.push({std::max(when, now_), next_++, std::move(what)}); }
    void after(instant d, std::function<void()> what) { at(now_ + d, std::move(what)); }
    /// The time of the next event; max: none.
    instant next() const { return events_.empty() ? INT64_MAX : events_.top().when; }
    void advance(instant to) { now_ = std::max(now_, to); }
    void step() {
        auto e = std::move(const_cast<event&>(events_.top()));  // the order does not depend on what is moved out
        events_.pop();
        now_ = e.when;
        e.what();
    }

private:
    struct event {
        instant when;
        std::uint64_t number;
        std::function<void()> what;
        bool operator<(const event& o) const { return when != o.when ? when > o.when : number > o.number; }
    };
    std::priority_queue<event> events_;
    instant now_ = 0;
    std::uint64_t next_ = 0;
};

}  // namespace wsidecar::simulation
