#pragma once

#include <functional>
#include <utility>

#include "sidecar/net/timers.hpp"

namespace wsidecar::net {

/// A time for `timers` that stands still until the test moves it.
class moved_time final : public time_source {
public:
    clock::time_point now() const override { return now_; }
    std::chrono::system_clock::time_point wall() const override {
        return began_ + std::chrono::duration_cast<std::chrono::system_clock::duration>(now_ - first_);
    }
    void wake_at(clock::time_point at, std::function<void()> f) override {
        at_ = at;
        wake_ = std::move(f);
    }

    /// Lets `d` pass, and runs the timers that are due in it, each at its own time.
    void pass(std::chrono::milliseconds d) {
        const auto end = now_ + d;
        while (wake_ && at_ <= end) {
            now_ = std::max(now_, at_);
            std::exchange(wake_, nullptr)();
        }
        now_ = end;
    }

private:
    const clock::time_point first_ = clock::now();
    const std::chrono::system_clock::time_point began_ = std::chrono::system_clock::now();
    clock::time_point now_ = first_;
    clock::time_point at_;
    std::function<void()> wake_;
};

}  // namespace wsidecar::net
