#include "proto/target.hpp"

#include <gtest/gtest.h>

namespace wsidecar::proto {
namespace {

TEST(Target, IsItsKindAndItsName) {
    EXPECT_EQ(target(target_kind::user, "alice"), "ualice");
    EXPECT_EQ(target(target_kind::group, ""), "g");
    EXPECT_EQ(target_all(), "*");
    EXPECT_EQ(target_any_pattern(), "p*");
}

TEST(Target, ASubscriptionIsTakenApartAsItWasPutTogether) {
    const std::string name = subscription_name(target_kind::alias, "userId=42", "/user/queue/n");
    EXPECT_EQ(name, std::string("auserId=42\0/user/queue/n", 24));
    EXPECT_EQ(target_subscription(target_kind::alias, "userId=42", "/user/queue/n"), "q" + name);
    const subscription_owner owner(name);
    EXPECT_EQ(owner.kind, target_kind::alias);
    EXPECT_EQ(owner.name, "userId=42");
    EXPECT_EQ(owner.key, "/user/queue/n");
    EXPECT_EQ(owner.as_addresses().aliases, (std::vector<std::string>{"userId=42"}));
    EXPECT_TRUE(owner.as_addresses().users.empty());
}

TEST(Target, WhereItGoesNextStandsInFront) {
    EXPECT_EQ(lost_target(next_place::again, "ualice"), "ualice");
    EXPECT_EQ(lost_target(next_place::mailbox, "ualice"), "kualice");
    EXPECT_EQ(lost_target(next_place::excepted, "ma"), "xma");
    EXPECT_EQ(lost_target(next_place::refused, "qualice"), "nualice");
    EXPECT_TRUE(is_refused("nualice"));
    EXPECT_FALSE(is_refused("ualice"));
}

}  // namespace
}  // namespace wsidecar::proto
