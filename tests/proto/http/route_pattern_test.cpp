#include <gtest/gtest.h>

#include "proto/http/path.hpp"

namespace wsidecar::proto {
namespace {

TEST(RoutePattern, AnEmptyRestLeavesNoEmptySegmentInAnEventPath) {
    const variables none{{"rest", ""}};
    EXPECT_EQ(expand_path("/e/{rest...}/{event}", none, "connect"), "/e/connect");
    EXPECT_EQ(expand_path("/e/{rest...}/{event}?from=//x", none, "connect"), "/e/connect?from=//x");
    EXPECT_EQ(expand_path("/e/{rest...}/{event}", {{"rest", "a/b"}}, "message"), "/e/a/b/message");
}

}  // namespace
}  // namespace wsidecar::proto
