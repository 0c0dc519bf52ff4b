#include "sidecar/core/stomp/subscriptions.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace wsidecar::core {
namespace {

struct Subscriptions : testing::Test {
    subscription& add(const std::string& key) {
        auto& s = *all.emplace_back(std::make_unique<subscription>());
        s.key = s.destination = s.id = key;
        if (proto::stomp::is_pattern(key)) {
            s.pattern = *proto::stomp::ant_pattern::parse(key);
        }
        index.enter(s);
        return s;
    }
    std::vector<std::string> found(std::vector<std::string> destinations) {
        std::vector<std::string> out;
        index.match(destinations, [&](subscription& s, const std::string& d) { out.push_back(s.id + "<-" + d); });
        std::sort(out.begin(), out.end());
        return out;
    }
    std::vector<std::unique_ptr<subscription>> all;
    subscriptions index;
};

TEST_F(Subscriptions, AreFoundByTheirDestinationAndByPatterns) {
    add("/topic/a");
    add("/topic/*");
    add("/topic/b");
    EXPECT_EQ(found({"/topic/a"}), (std::vector<std::string>{"/topic/*<-/topic/a", "/topic/a<-/topic/a"}));
    EXPECT_EQ(found({"/queue/a"}), std::vector<std::string>());
}

TEST_F(Subscriptions, AreMatchedOnceByAPush) {
    add("/topic/*");
    EXPECT_EQ(found({"/topic/a", "/topic/b"}).size(), 1U);
    EXPECT_EQ(found({"/topic/a", "/topic/b"}).size(), 1U) << "and by the next one again";
}

TEST_F(Subscriptions, ThatHaveLeftAreNotFound) {
    subscription& a = add("/topic/a");
    add("/topic/a");
    subscription& p = add("/topic/**");
    EXPECT_EQ(index.size(), 3U);
    index.leave(a);
    index.leave(p);
    index.leave(p);
    EXPECT_EQ(index.size(), 1U);
    EXPECT_EQ(found({"/topic/a"}).size(), 1U);
}

TEST_F(Subscriptions, APatternIsFoundUnderWhatStandsBeforeItsWildcards) {
    for (const char* p :
         {"/topic/*", "/topic/a/*", "/topic/a/**", "/topic//a/?", "/topic/a/b/*", "/**", "/topic/a/b/c/d/{e}"}) {
        add(p);
    }
    EXPECT_EQ(found({"/topic/a/b"}), (std::vector<std::string>{"/**<-/topic/a/b", "/topic//a/?<-/topic/a/b",
                                                               "/topic/a/**<-/topic/a/b", "/topic/a/*<-/topic/a/b"}));
    EXPECT_EQ(found({"/topic/a"}), (std::vector<std::string>{"/**<-/topic/a", "/topic/*<-/topic/a", "/topic/a/**<-/topic/a"}));
    EXPECT_EQ(found({"/topic/"}), (std::vector<std::string>{"/**<-/topic/", "/topic/*<-/topic/"}));
    for (const auto& s : all) {
        index.leave(*s);
    }
    EXPECT_EQ(found({"/topic/a/b"}), std::vector<std::string>());
    EXPECT_EQ(index.weight(), 0U);
}

TEST_F(Subscriptions, TheWeightCountsDifferentPatternsByWhatTheyCost) {
    add("/topic/*");
    add("/topic/*");
    EXPECT_EQ(index.weight(), 1U) << "matched once for all who have it";
    const auto& heavy = add("/topic/*" + std::string(100, 'a') + "*");
    EXPECT_GE(heavy.weight(), 100U);
    EXPECT_EQ(index.weight(), 1 + heavy.weight());
    EXPECT_TRUE(index.has_pattern("/topic/*"));
    EXPECT_FALSE(index.has_pattern("/topic/b*"));
    EXPECT_EQ(add("/topic/a").weight(), 0U);
}

/// A push is compared with ten thousand patterns of hostile clients in some milliseconds; the bound is wide enough for a sanitizer.
TEST_F(Subscriptions, TenThousandPatternsCostAPushLittle) {
    for (int i = 0; i < 10'000; ++i) {
        add("/topic/*" + std::string(100 + i % 25, '?') + "b" + std::to_string(i));
    }
    const std::string destination = "/topic/" + std::string(240, 'a');
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(found({destination}).size(), 0U);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(500));
}

TEST_F(Subscriptions, NoPatternMatchesWhatOneSessionAloneGets) {
    add("/queue/**");
    add("/queue/errors-user7f");
    EXPECT_EQ(found({"/queue/errors-user7f"}), std::vector<std::string>{"/queue/errors-user7f<-/queue/errors-user7f"});
}

}  // namespace
}  // namespace wsidecar::core
