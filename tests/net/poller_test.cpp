#include "sidecar/net/poller.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>

namespace wsidecar::net {
namespace {

struct pair {
    pair() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0); }
    ~pair() {
        ::close(ends[0]);
        ::close(ends[1]);
    }
    std::array<int, 2> ends{};
};

struct listening final : poller::watcher {
    void on_ready(bool readable, bool writable, bool ended) override {
        ++calls;
        read |= readable;
        write |= writable;
        end |= ended;
        if (then) {
            then();
        }
    }
    int calls = 0;
    bool read = false;
    bool write = false;
    bool end = false;
    std::function<void()> then;
};

struct Poller : testing::Test {
    /// Until `done`, or for a second.
    void run_until(const std::function<bool()>& done) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
        while (!done() && std::chrono::steady_clock::now() < end) {
            loop.run_one_for(std::chrono::milliseconds(10));
        }
    }
    boost::asio::io_context loop{1};
    poller sockets{loop};
};

TEST_F(Poller, TellsAtOnceWhatIsReadyAlready) {
    pair p;
    listening w;
    ASSERT_EQ(::write(p.ends[1], "x", 1), 1);
    ASSERT_FALSE(sockets.add(p.ends[0], w));
    run_until([&] { return w.read; });
    EXPECT_TRUE(w.read);
    EXPECT_TRUE(w.write);
    EXPECT_FALSE(w.end);
    sockets.remove(p.ends[0], w);
}

TEST_F(Poller, TellsOfEachNewArrivalOnce) {
    pair p;
    listening w;
    ASSERT_FALSE(sockets.add(p.ends[0], w));
    run_until([&] { return w.calls == 1; });
    EXPECT_FALSE(w.read);
    for (int i = 0; i < 3; ++i) {
        w.read = false;
        const int before = w.calls;
        ASSERT_EQ(::write(p.ends[1], "x", 1), 1);
        run_until([&] { return w.read; });
        EXPECT_TRUE(w.read);
        loop.poll();
        EXPECT_EQ(w.calls, before + 1) << "edge-triggered: what is not read does not tell again";
    }
    sockets.remove(p.ends[0], w);
}

TEST_F(Poller, TellsOfTheEndTogetherWithTheLastBytes) {
    pair p;
    listening w;
    ASSERT_EQ(::write(p.ends[1], "last", 4), 4);
    ASSERT_EQ(::shutdown(p.ends[1], SHUT_WR), 0);
    ASSERT_FALSE(sockets.add(p.ends[0], w));
    run_until([&] { return w.end; });
    EXPECT_EQ(w.calls, 1);
    EXPECT_TRUE(w.read);
    EXPECT_TRUE(w.end);
    sockets.remove(p.ends[0], w);
}

TEST_F(Poller, ASocketThatIsFullTellsWhenThereIsRoom) {
    pair p;
    listening w;
    ASSERT_FALSE(sockets.add(p.ends[0], w));
    run_until([&] { return w.calls == 1; });
    std::array<char, 65536> bytes{};
    while (::write(p.ends[0], bytes.data(), bytes.size()) > 0) {
    }
    loop.poll();
    w.write = false;
    while (::read(p.ends[1], bytes.data(), bytes.size()) > 0) {
    }
    run_until([&] { return w.write; });
    EXPECT_TRUE(w.write);
    sockets.remove(p.ends[0], w);
}

TEST_F(Poller, AWatcherThatIsRemovedInTheSameTurnHearsNothing) {
    std::array<pair, 2> p;
    std::array<listening, 2> w;
    for (std::size_t i = 0; i < 2; ++i) {
        ASSERT_FALSE(sockets.add(p[i].ends[0], w[i]));
        w[i].then = [&, i] {
            // Both are ready in this turn: whoever comes first takes the other out, as a gateway may that closes one for another.
            sockets.remove(p[1 - i].ends[0], w[1 - i]);
        };
    }
    run_until([&] { return w[0].calls + w[1].calls > 0; });
    loop.poll();
    EXPECT_EQ(w[0].calls + w[1].calls, 1);
    for (std::size_t i = 0; i < 2; ++i) {
        sockets.remove(p[i].ends[0], w[i]);
    }
}

TEST_F(Poller, MoreReadySocketsThanATurnTakesAllGetTheirs) {
    std::array<pair, 300> p;
    std::array<listening, 300> w;
    for (std::size_t i = 0; i < p.size(); ++i) {
        ASSERT_FALSE(sockets.add(p[i].ends[0], w[i]));
    }
    run_until([&] { return std::all_of(w.begin(), w.end(), [](const auto& x) { return x.calls > 0; }); });
    for (std::size_t i = 0; i < p.size(); ++i) {
        EXPECT_EQ(w[i].calls, 1);
        sockets.remove(p[i].ends[0], w[i]);
    }
}

TEST_F(Poller, ADescriptorThatCannotBeWatchedIsAnError) {
    listening w;
    EXPECT_TRUE(sockets.add(-1, w));
}

}  // namespace
}  // namespace wsidecar::net
