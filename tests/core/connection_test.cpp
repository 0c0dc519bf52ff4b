#include "sidecar/core/connection.hpp"

#include <gtest/gtest.h>

namespace wsidecar::core {
namespace {

TEST(Connection, GivesItsVariablesBackAsTheyWere) {
    const proto::variables some{{"table", "t1"}, {"rest", "a/b c"}, {"empty", ""}};
    connection c;
    EXPECT_TRUE(c.variables().empty());
    c.keep_variables(some);
    EXPECT_EQ(c.variables(), some);
    c.keep_variables({});
    EXPECT_TRUE(c.variables().empty());
}

TEST(Connection, LeavesOutAVariableThatNoCheckedPathCanHave) {
    connection c;
    c.keep_variables({{"a", std::string("x\0y", 3)}, {"b", "1"}});
    EXPECT_EQ(c.variables(), (proto::variables{{"b", "1"}}));
}

}  // namespace
}  // namespace wsidecar::core
