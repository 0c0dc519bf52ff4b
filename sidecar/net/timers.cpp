#include "sidecar/net/timers.hpp"

#include <algorithm>
#include <boost/asio/basic_waitable_timer.hpp>
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

class loop_time final : public time_source {
public:
    explicit loop_time(boost::asio::io_context& loop) : timer_(loop.get_executor()) {}

    clock::time_point now() const override { return clock::now(); }
    std::chrono::system_clock::time_point wall() const override { return std::chrono::system_clock::now(); }
    void wake_at(clock::time_point at, std::function<void()> f) override {
        timer_.expires_at(at);
        timer_.async_wait([f = std::move(f)](boost::system::error_code ec) {
            if (!ec) {
                f();
            }
        });
    }

private:
    boost::asio::basic_waitable_timer<clock, boost::asio::wait_traits<clock>, boost::asio::io_context::executor_type> timer_;
};

}  // namespace

timers::timers(boost::asio::io_context& loop) : own_(std::make_unique<loop_time>(loop)), time_(*own_), start_(now()) {}

timers::timers(time_source& time) : time_(time), start_(now()) {}

core::timer_port::handle timers::after(std::chrono::milliseconds d, std::function<void()> f) {
    auto entry = std::make_shared<one_shot>(std::move(f));
    arm_fine(*entry, d);
    return entry;
}

std::uint32_t timers::milliseconds() const {
    const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now() - start_);
    return static_cast<std::uint32_t>(since.count());
}

void timers::arm(timer_entry& e, std::chrono::milliseconds d, std::int64_t grid) {
    e.disarm();
    const auto at = now() - start_ + std::max(d, std::chrono::milliseconds(0));
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
    time_.wake_at(start_ + waiting_for_ * unit, [this] { expire(); });
}

void timers::expire() {
    expiring_ = true;
    const std::int64_t so_far = (now() - start_) / unit;
    while (!due_.empty() && due_.begin()->first <= so_far) {
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
