#include "sidecar/redis/recent_ends.hpp"

#include <gtest/gtest.h>

#include "tests/core/manual_time.hpp"

namespace wsidecar::redis {
namespace {

using namespace std::chrono_literals;

class RecentEnds : public testing::Test {
protected:
    RecentEnds() {
        config.outbox.grace = 10s;
        time.pass(1h);
    }

    static core::registration of(const std::string& connection, const std::string& user) {
        auto r = core::registration::of_id(connection);
        r.user = user;
        return r;
    }
    std::vector<std::string> connections() {
        std::vector<std::string> out;
        for (const auto& r : ends.all()) {
            out.push_back(r.connection);
        }
        return out;
    }

    config::config config;
    core::manual_time time;
    recent_ends ends{config, time};
};

TEST_F(RecentEnds, AreKeptForOutboxGrace) {
    ends.add(of("c1", "alice"));
    time.pass(6s);
    ends.add(of("c2", "bob"));
    EXPECT_EQ(connections(), (std::vector<std::string>{"c1", "c2"}));
    time.pass(5s);
    EXPECT_EQ(connections(), std::vector<std::string>{"c2"});
    time.pass(6s);
    EXPECT_TRUE(connections().empty());
}

TEST_F(RecentEnds, OneThatIsToldAgainDoesNotLastLonger) {
    ends.add(of("c1", "alice"));
    time.pass(6s);
    ends.add(of("c1", "alice"));
    time.pass(5s);
    EXPECT_TRUE(connections().empty());
}

TEST_F(RecentEnds, OfNobodyAreNotKept) {
    ends.add(core::registration::of_id("c1"));
    EXPECT_TRUE(connections().empty());
}

TEST_F(RecentEnds, HaveABound) {
    for (int i = 0; i < 5000; ++i) {
        ends.add(of("c" + std::to_string(i), "alice"));
    }
    EXPECT_EQ(ends.all().size(), 4096U);
    EXPECT_EQ(ends.all().front().connection, "c904");
}

}  // namespace
}  // namespace wsidecar::redis
