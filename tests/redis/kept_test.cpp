#include "sidecar/redis/kept.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wsidecar::redis {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::ElementsAre;

const core::timer_port::clock::time_point now{};

kept_streams::pushes made(std::initializer_list<std::uint64_t> places) {
    kept_streams::pushes out;
    for (const auto ms : places) {
        auto p = std::make_shared<kept_push>();
        p->at = {ms, 1};
        p->envelope = "x";
        out.push_back(std::move(p));
    }
    return out;
}

std::vector<std::uint64_t> places(const kept_streams::pushes& all) {
    std::vector<std::uint64_t> out;
    for (const auto& p : all) {
        out.push_back(p->at.ms);
    }
    return out;
}

claim of(std::uint64_t from, std::uint64_t to, std::string audience = "gg", std::string who = "ualice") {
    return {std::move(audience), std::move(who), {from, 1}, {to, 1}};
}

TEST(Kept, ClaimsAreReadLineByLineAndWhatIsNoneIsPassedOver) {
    const auto all =
        read_claims("gg\rualice\r5-1\r7-20\n\nnonsense\nd/topic/x\rqualice\0/topic/x\r0-0\r18446744073709551615-0"s);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].audience, "gg");
    EXPECT_EQ(all[0].who, "ualice");
    EXPECT_EQ(all[0].from, (place{5, 1}));
    EXPECT_EQ(all[0].to, (place{7, 20}));
    EXPECT_EQ(all[1].who, "qualice\0/topic/x"s);
    EXPECT_EQ(all[1].to.ms, 18446744073709551615ULL);
}

TEST(Kept, AStreamIsReadOnceForAllWhoComeForTheSamePart) {
    kept_streams s;
    ASSERT_TRUE(s.missing(of(3, 9)));
    EXPECT_EQ(*s.missing(of(3, 9)), std::pair(place{3, 1}, place{9, 1}));
    s.add("gg", {3, 1}, {9, 1}, made({4, 5, 9}));
    EXPECT_FALSE(s.missing(of(3, 9)));
    EXPECT_FALSE(s.missing(of(5, 7)));
    EXPECT_TRUE(s.missing(of(3, 9, "gh")));
    EXPECT_THAT(places(s.find(of(3, 9), now)), ElementsAre(4, 5, 9));
    EXPECT_THAT(places(s.find(of(4, 5), now)), ElementsAre(5)) << "behind the first place, up to the second";
    EXPECT_EQ(*s.missing(of(5, 12)), std::pair(place{9, 1}, place{12, 1})) << "what is new";
    s.add("gg", {9, 1}, {12, 1}, made({11}));
    EXPECT_THAT(places(s.find(of(5, 12), now)), ElementsAre(9, 11));
    EXPECT_EQ(*s.missing(of(1, 5)), std::pair(place{1, 1}, place{12, 1})) << "all of it anew";
    s.add("gg", {1, 1}, {12, 1}, made({2, 4, 5, 9, 11}));
    EXPECT_THAT(places(s.find(of(1, 12), now)), ElementsAre(2, 4, 5, 9, 11));
}

TEST(Kept, WhatNobodyAsksForAndWhatIsTooMuchIsForgotten) {
    kept_streams s;
    s.add("gg", {1, 1}, {9, 1}, made({4}));
    (void)s.find(of(1, 9), now);
    s.tidy(now + 4s);
    EXPECT_FALSE(s.missing(of(1, 9)));
    s.tidy(now + 6s);
    EXPECT_TRUE(s.missing(of(1, 9)));
    auto large = made({4});
    large[0]->envelope.assign(17UL << 20U, 'x');
    s.add("gg", {1, 1}, {9, 1}, std::move(large));
    (void)s.find(of(1, 9), now);
    s.tidy(now);
    EXPECT_TRUE(s.missing(of(1, 9)));
}

TEST(Kept, AMemberGetsItByItsConnectionAndOnlyWhileItBelongs) {
    proto::addresses to;
    to.groups = {"g", "h"};
    to.routes = {"notices"};
    ASSERT_TRUE(address_claimed(to, of(1, 2), "c1"));
    EXPECT_THAT(to.connections, ElementsAre("c1"));
    EXPECT_THAT(to.groups, ElementsAre("g"));
    EXPECT_TRUE(to.members_only);
    EXPECT_THAT(to.routes, ElementsAre("notices"));
    proto::addresses all;
    all.all = true;
    ASSERT_TRUE(address_claimed(all, of(1, 2, "*"), "c1"));
    EXPECT_FALSE(all.all);
    EXPECT_FALSE(all.members_only);
    EXPECT_THAT(all.connections, ElementsAre("c1"));
    EXPECT_EQ(name_of(of(1, 2, "gg", "aid=1")), "mid=1");
    EXPECT_EQ(name_of(of(1, 2, "*", "aid=1")), "aid=1");
    EXPECT_EQ(name_of(of(1, 2)), "ualice");
}

TEST(Kept, ASubscriptionGetsWhatIsForItsDestination) {
    const auto own = of(1, 2, "gg", "qualice\0/user/queue/x"s);
    proto::addresses to;
    to.groups = {"g"};
    EXPECT_FALSE(address_claimed(to, own, "c1")) << "no destination";
    to.groups = {"g"};
    to.destinations = {"/queue/y"};
    EXPECT_FALSE(address_claimed(to, own, "c1"));
    to.groups = {"g"};
    to.destinations = {"/queue/x"};
    ASSERT_TRUE(address_claimed(to, own, "c1"));
    EXPECT_THAT(to.subscriptions, ElementsAre("cc1\0/user/queue/x"s));
    proto::addresses broker;
    broker.destinations = {"/topic/x"};
    ASSERT_TRUE(address_claimed(broker, of(1, 2, "p*", "qualice\0/topic/*"s), ""));
    EXPECT_THAT(broker.subscriptions, ElementsAre("ualice\0/topic/*"s));
    EXPECT_THAT(broker.destinations, ElementsAre("/topic/x"));
    proto::addresses plain;
    plain.destinations = {"/topic/x"};
    EXPECT_FALSE(address_claimed(plain, of(1, 2), "c1")) << "not for who has no subscription";
}

}  // namespace
}  // namespace wsidecar::redis
