#include "sidecar/redis/batch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wsidecar::redis {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const auto now = std::chrono::system_clock::time_point(std::chrono::seconds(1'795'000'000));

batch of(const std::vector<std::string>& entries, bool returned = false) {
    const std::vector<std::string_view> views(entries.begin(), entries.end());
    return build_batch(views, returned, now);
}

TEST(Batch, AnEnvelopeBecomesAPushWithItsTargets) {
    const auto b = of({R"({"to":{"user":["a","b"],"group":"g","alias":"x=1","connection":"c"},"text":"t","id":"1"})"});
    EXPECT_EQ(b.sums.size(), 1U);
    EXPECT_EQ(b.sums[0].size(), 40U);
    ASSERT_EQ(b.actions.size(), 10U);
    EXPECT_EQ(b.actions[0], "push");
    EXPECT_THAT(b.actions[1], HasSubstr(R"("id":"1")"));
    EXPECT_THAT(b.actions[2], HasSubstr("overloaded"));
    EXPECT_EQ(b.actions[3], "0");
    EXPECT_EQ(b.actions[4], "5");
    EXPECT_THAT(std::vector(b.actions.begin() + 5, b.actions.end()), ElementsAre("ua", "ub", "ax=1", "gg", "cc"));
}

TEST(Batch, AllIsOneTargetWhateverElseIsNamed) {
    const auto b = of({R"({"to":{"all":true,"user":"a"},"text":"t"})"});
    EXPECT_EQ(b.actions[4], "1");
    EXPECT_EQ(b.actions[5], "*");
}

TEST(Batch, AnIdAndWithATtlATimeAreMadeUp) {
    const auto b = of({R"({"to":{"user":"a"},"text":"t","ttl":5})"});
    EXPECT_THAT(b.actions[1], HasSubstr(R"("id":")"));
    EXPECT_THAT(b.actions[1], HasSubstr(R"("time":"2026-11-18T)"));
    EXPECT_THAT(of({R"({"to":{"user":"a"},"text":"t"})"}).actions[1], testing::Not(HasSubstr("time")));
}

TEST(Batch, ABadElementIsRejectedBetweenItsNeighbours) {
    const auto b = of({R"([{"to":{"user":"a"},"text":"1"},{"to":{}},{"to":{"user":"a"},"text":"2","mailbox":true}])"});
    EXPECT_THAT(b.reasons, ElementsAre("no_target", "not_supported_yet"));
    EXPECT_EQ(b.actions[0], "push");
    EXPECT_EQ(b.actions[6], "reject");
    EXPECT_THAT(b.actions[7], StartsWith(R"({"reason":"no_target)"));
    EXPECT_EQ(b.actions[8], "reject");
    EXPECT_THAT(b.actions[9], StartsWith(R"({"reason":"not supported yet: mailbox")"));
}

TEST(Batch, AReturnedEntryKeepsItsAttempts) {
    const auto b = of({returned_entry(2, R"({"to":{"user":"a"},"text":"t","id":"1"})")}, true);
    EXPECT_EQ(b.actions[0], "push");
    EXPECT_EQ(b.actions[3], "2");
    EXPECT_EQ(of({"2 {}"}).actions[0], "reject") << "in the outbox itself a number in front is no envelope";
}

TEST(Batch, EntriesThatDifferHaveOtherSums) {
    const auto b = of({"a", "b", "a"});
    EXPECT_EQ(b.sums[0], b.sums[2]);
    EXPECT_NE(b.sums[0], b.sums[1]);
    EXPECT_EQ(b.sums[0], "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8");
}

}  // namespace
}  // namespace wsidecar::redis
