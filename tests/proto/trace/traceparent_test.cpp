#include "proto/trace/traceparent.hpp"

#include <gtest/gtest.h>

namespace wsidecar::proto {
namespace {

constexpr auto parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(Traceparent, AChildKeepsTraceAndFlagsAndHasASpanOfItsOwn) {
    const auto child = continue_trace(parent);
    EXPECT_TRUE(valid_traceparent(child));
    EXPECT_EQ(child.substr(0, 36), std::string(parent).substr(0, 36));
    EXPECT_EQ(child.substr(52), "-01");
    EXPECT_NE(child, parent);
}

TEST(Traceparent, WithoutAValidParentATraceBegins) {
    for (const char* bad :
         {"", "00-0-0-0", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
          "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
          "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
          "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x"}) {
        EXPECT_FALSE(valid_traceparent(bad)) << bad;
        EXPECT_TRUE(valid_traceparent(continue_trace(bad))) << bad;
    }
    EXPECT_NE(new_trace(), new_trace());
}

}  // namespace
}  // namespace wsidecar::proto
