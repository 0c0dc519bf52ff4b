#include "sidecar/core/subscriptions.hpp"

#include <gtest/gtest.h>

#include <algorithm>

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

TEST_F(Subscriptions, NoPatternMatchesWhatOneSessionAloneGets) {
    add("/queue/**");
    add("/queue/errors-user7f");
    EXPECT_EQ(found({"/queue/errors-user7f"}), std::vector<std::string>{"/queue/errors-user7f<-/queue/errors-user7f"});
}

}  // namespace
}  // namespace wsidecar::core
