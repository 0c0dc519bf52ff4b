#include "sidecar/core/position.hpp"

#include <gtest/gtest.h>

namespace wsidecar::core {
namespace {

TEST(Position, OfOneShardIsAPlace) {
    position p;
    EXPECT_FALSE(p);
    EXPECT_TRUE(p.reach({5, 1}));
    EXPECT_FALSE(p.reach({5, 1})) << "it is there already";
    EXPECT_FALSE(p.reach({4, 9})) << "it never goes back";
    EXPECT_TRUE(p.reach({5, 2}));
    EXPECT_EQ(text_of(p), "5-2");
    EXPECT_TRUE(p.covers({5, 2}));
    EXPECT_FALSE(p.covers({5, 3}));
    EXPECT_FALSE(p.covers({})) << "a channel push has no place";
}

TEST(Position, PlacesOfDifferentShardsAreDifferentAndHaveTheirOwnOrder) {
    const place same{5, 1};
    EXPECT_NE(in_shard(same, 0), in_shard(same, 7));
    EXPECT_EQ(without_shard(in_shard(same, 7)), same);
    EXPECT_EQ(in_shard(in_shard(same, 7), 3), in_shard(same, 7)) << "it keeps its own";
    EXPECT_FALSE(in_shard({}, 7));

    position p;
    p.reach(in_shard({9, 0}, 7));
    EXPECT_FALSE(p.covers(in_shard({5, 1}, 3))) << "nothing is known about shard 3";
    p.reach(in_shard({5, 1}, 3));
    EXPECT_TRUE(p.covers(in_shard({5, 1}, 3)));
    EXPECT_FALSE(p.covers(in_shard({6, 0}, 3))) << "shard 7 is ahead, and that says nothing about shard 3";
    EXPECT_TRUE(p.covers(in_shard({8, 4}, 7)));
    EXPECT_EQ(text_of(p), "3:5-1,7:9-0");
    p.forget(in_shard({1, 0}, 7));
    EXPECT_EQ(text_of(p), "3:5-1");
}

TEST(Position, IsReadAsItIsWritten) {
    for (const char* text : {"3:5-1", "0:1700000000123-0,3:5-1,63:9-2"}) {
        const auto p = read_position(text, true);
        ASSERT_TRUE(p) << text;
        EXPECT_EQ(text_of(*p), text);
    }
    EXPECT_EQ(text_of(*read_position("7:9-0,3:5-1", true)), "3:5-1,7:9-0");
    EXPECT_EQ(text_of(*read_position("5-1", false)), "5-1");
}

TEST(Position, AnIdFromBeforeTheServiceGrewIsInTheFirstShard) {
    EXPECT_EQ(text_of(*read_position("5-1", true)), "0:5-1");
}

TEST(Position, WhatIsNoneIsNotRead) {
    for (const char* text : {"", ",", "3:", ":5-1", "3:5", "64:5-1", "-1:5-1", "+3:5-1", "3:5-1,", ",3:5-1", "3:5-1,3:6-0",
                             "3:5-1,,7:9-0", "x:5-1", "3:0-0", "3:7:5-1", "3:5-1 ", "99999999999999999999:5-1", "5-1,0:6-1"}) {
        EXPECT_FALSE(read_position(text, true)) << text;
    }
    EXPECT_FALSE(read_position("3:5-1", false)) << "this service has one shard";
    EXPECT_FALSE(read_position("5-1,6-1", false));
}

TEST(Position, ANumberThatNoRouterGivesDoesNotBecomeAnotherShards) {
    const auto p = read_position("5-18446744073709551615", false);
    ASSERT_TRUE(p);
    EXPECT_TRUE(p->covers({5, 1}));
    EXPECT_FALSE(p->covers({6, 0}));
}

}  // namespace
}  // namespace wsidecar::core
