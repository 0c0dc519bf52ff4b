#pragma once

#include <functional>
#include <map>
#include <memory>

#include "sidecar/core/ports.hpp"

namespace wsidecar::core {

/// Timers that run when the test lets time pass.
struct manual_time : timer_port {
    clock::time_point now() const override { return time; }
    std::chrono::system_clock::time_point wall() const override {
        return std::chrono::system_clock::time_point(std::chrono::seconds(1'795'000'000)) +
               std::chrono::duration_cast<std::chrono::system_clock::duration>(time.time_since_epoch());
    }
    handle after(std::chrono::milliseconds d, std::function<void()> f) override {
        auto h = std::make_shared<std::function<void()>>(std::move(f));
        waiting.emplace(time + d, h);
        return h;
    }
    void pass(std::chrono::milliseconds d) {
        const auto end = time + d;
        while (!waiting.empty() && waiting.begin()->first <= end) {
            const auto [at, weak] = *waiting.begin();
            waiting.erase(waiting.begin());
            time = at;
            if (const auto f = weak.lock()) {
                (*f)();
            }
        }
        time = end;
    }

    clock::time_point time{};
    std::multimap<clock::time_point, std::weak_ptr<std::function<void()>>> waiting;
};

}  // namespace wsidecar::core
