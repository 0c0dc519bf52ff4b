#include "sidecar/net/timers.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace wsidecar::net {
namespace {

using namespace std::chrono_literals;

class probe : public timer_entry {
public:
    explicit probe(std::vector<int>& log, int name) : log_(log), name_(name) {}
    std::function<void()> then;

private:
    void on_timer() override {
        log_.push_back(name_);
        if (then) {
            then();
        }
    }
    std::vector<int>& log_;
    int name_;
};

struct Timers : testing::Test {
    boost::asio::io_context loop{1};
    timers clock{loop};
    std::vector<int> log;
};

TEST_F(Timers, FireInTheOrderOfTheirTimesAndNotBefore) {
    const auto start = timers::clock::now();
    const auto a = clock.after(40ms, [&] { log.push_back(2); });
    const auto b = clock.after(10ms, [&] { log.push_back(1); });
    const auto c = clock.after(80ms, [&] { log.push_back(3); });
    loop.run();
    EXPECT_EQ(log, (std::vector<int>{1, 2, 3}));
    EXPECT_GE(timers::clock::now() - start, 80ms);
}

TEST_F(Timers, AHandleThatIsDestroyedCancels) {
    auto a = clock.after(10ms, [&] { log.push_back(1); });
    const auto b = clock.after(30ms, [&] { log.push_back(2); });
    a.reset();
    loop.run();
    EXPECT_EQ(log, (std::vector<int>{2}));
}

TEST_F(Timers, ACallMayDestroyItsOwnHandleAndArmAnother) {
    core::timer_port::handle a;
    core::timer_port::handle b;
    a = clock.after(10ms, [&] {
        a.reset();
        b = clock.after(10ms, [&] { log.push_back(2); });
        log.push_back(1);
    });
    loop.run();
    EXPECT_EQ(log, (std::vector<int>{1, 2}));
}

TEST_F(Timers, AnEarlierTimerArmedLaterDoesNotWaitForTheFirst) {
    const auto start = timers::clock::now();
    auto late = clock.after(10s, [&] { log.push_back(9); });
    const auto soon = clock.after(10ms, [&] {
        log.push_back(1);
        late.reset();
    });
    loop.run_for(2s);
    EXPECT_EQ(log, (std::vector<int>{1}));
    EXPECT_LT(timers::clock::now() - start, 5s);
}

TEST_F(Timers, AnEntryThatIsArmedAgainFiresOnce) {
    probe p(log, 1);
    clock.arm_fine(p, 10ms);
    clock.arm_fine(p, 30ms);
    loop.run_for(300ms);
    EXPECT_EQ(log, (std::vector<int>{1}));
    EXPECT_FALSE(p.armed());
}

TEST_F(Timers, AnEntryMayDestroyItsNeighbourInTheSameSlot) {
    auto a = std::make_unique<probe>(log, 1);
    auto b = std::make_unique<probe>(log, 2);
    clock.arm(*a, 1ms);
    clock.arm(*b, 1ms);
    a->then = [&] { b.reset(); };
    loop.run_for(600ms);
    EXPECT_EQ(log, (std::vector<int>{1}));
}

TEST_F(Timers, CoarseOnesShareTheirWakeUps) {
    std::vector<std::unique_ptr<probe>> all;
    for (int i = 0; i < 1000; ++i) {
        all.push_back(std::make_unique<probe>(log, i));
        clock.arm(*all.back(), std::chrono::milliseconds(i / 4));
    }
    std::size_t wakes = 0;
    while (log.size() < 1000) {
        wakes += loop.run_one_for(1s);
    }
    EXPECT_LE(wakes, 4U);
}

}  // namespace
}  // namespace wsidecar::net
