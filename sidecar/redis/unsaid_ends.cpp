#include "sidecar/redis/unsaid_ends.hpp"

#include <chrono>

namespace wsidecar::redis {
namespace {

constexpr auto again_after = std::chrono::milliseconds(100);
constexpr auto hold_back_at_most = std::chrono::seconds(5);
constexpr auto break_after = std::chrono::seconds(1);

}  // namespace

void unsaid_ends::add(step what, const core::registration& last, cause why) {
    const auto now = timers_.now();
    if (now - std::exchange(latest_, now) > break_after) {
        since_ = now;  // else it goes on
    }
    ends_.push_back({what, last});
    if (why == cause::redis_refused && !timer_) {
        timer_ = timers_.after(again_after, [this] {
            const auto due = std::exchange(timer_, nullptr);
            say_();
        });
    }
}

bool unsaid_ends::hold_pushes_back() const {
    return !ends_.empty() && timers_.now() - since_ <= hold_back_at_most;
}

}  // namespace wsidecar::redis
