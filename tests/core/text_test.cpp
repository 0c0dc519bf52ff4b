#include "sidecar/core/text.hpp"

#include <gtest/gtest.h>

namespace wsidecar::core {
namespace {

TEST(Text, IsOnePointerAndKeepsItsBytes) {
    static_assert(sizeof(text) == sizeof(void*));
    const std::string bytes("a\0b", 3);
    const text t(bytes);
    EXPECT_EQ(t.view(), bytes);
    EXPECT_EQ(t.str(), bytes);
    EXPECT_EQ(t.size(), 3U);
    EXPECT_TRUE(text().empty());
    EXPECT_TRUE(text("").empty());
    EXPECT_EQ(text().view(), "");
    EXPECT_TRUE(t == bytes);
    EXPECT_FALSE(t == "a");
}

TEST(SharedText, IsHeldOnceForAllThatHaveTheSameBytes) {
    const std::size_t before = shared_text::distinct();
    {
        const shared_text a("User-Agent: x\r\n");
        const shared_text b(std::string("User-Agent: ") + "x\r\n");
        EXPECT_EQ(a.view().data(), b.view().data());
        EXPECT_EQ(shared_text::distinct(), before + 1);
        const shared_text other("User-Agent: y\r\n");
        EXPECT_EQ(shared_text::distinct(), before + 2);
    }
    EXPECT_EQ(shared_text::distinct(), before);
}

TEST(SharedText, LivesAsLongAsItsLastHolder) {
    shared_text kept;
    EXPECT_TRUE(kept.empty());
    {
        const shared_text first("host.example");
        shared_text moved = first;
        kept = std::move(moved);
    }
    EXPECT_EQ(kept.view(), "host.example");
    kept = shared_text();
    EXPECT_EQ(kept.view(), "");
}

TEST(SharedText, OfNothingIsHeldNowhere) {
    const std::size_t before = shared_text::distinct();
    EXPECT_TRUE(shared_text("").empty());
    EXPECT_EQ(shared_text::distinct(), before);
}

}  // namespace
}  // namespace wsidecar::core
