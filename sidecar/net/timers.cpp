#include "sidecar/net/timers.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace wsidecar::net {
namespace {

class one_shot final : public timer_entry {
public:
    explicit one_shot(std::function<void()> f) : f_(std::move(f)) {}

private:
    void on_timer() override {
        const auto f = std::move(f_);  // the call may destroy this entry
        f();
    }
    std::function<void()> f_;
};

}  // namespace

timers::timers(boost::asio::io_context& loop) : timer_(loop.get_executor()), start_(clock::now()) {}

core::timer_port::handle timers::after(std::chrono::milliseconds d, std::function<void()> f) {
    auto entry = std::make_shared<one_shot>(std::move(f));
    arm_fine(*entry, d);
    return entry;
}

std::uint32_t timers::milliseconds() const {
    const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - start_);
    return static_cast<std::uint32_t>(since.count());
}

void timers::arm(timer_entry& e, std::chrono::milliseconds d, std::int64_t grid) {
    e.disarm();
    const auto at = clock::now() - start_ + std::max(d, std::chrono::milliseconds(0));
    std::int64_t slot = at / unit + 1;
    slot = (slot + grid - 1) / grid * grid;
    due_[slot].push_back(e);
    if (!expiring_ && (waiting_for_ < 0 || slot < waiting_for_)) {
        schedule();
    }
}

void timers::schedule() {
    // Slots whose entries were all disarmed cost no wake-up.
    while (!due_.empty() && due_.begin()->second.empty()) {
        due_.erase(due_.begin());
    }
    if (due_.empty()) {
        waiting_for_ = -1;
        return;
    }
    waiting_for_ = due_.begin()->first;
    timer_.expires_at(start_ + waiting_for_ * unit);
    timer_.async_wait([this](boost::system::error_code ec) {
        if (!ec) {
            expire();
        }
    });
}

void timers::expire() {
    expiring_ = true;
    const std::int64_t now = (clock::now() - start_) / unit;
    while (!due_.empty() && due_.begin()->first <= now) {
        // Taken out first: what is armed meanwhile goes into a later slot.
        list ready;
        ready.swap(due_.begin()->second);
        due_.erase(due_.begin());
        while (!ready.empty()) {
            timer_entry& e = ready.front();
            ready.pop_front();
            e.on_timer();
        }
    }
    expiring_ = false;
    schedule();
}

}  // namespace wsidecar::net
