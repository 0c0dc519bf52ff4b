#include "sidecar/core/place.hpp"

#include <gtest/gtest.h>

namespace wsidecar::core {
namespace {

TEST(Place, IsReadAsItIsWritten) {
    const place p{1'700'000'000'123, 42};
    EXPECT_EQ(text_of(p), "1700000000123-42");
    EXPECT_EQ(read_place("1700000000123-42"), p);
    EXPECT_EQ(read_place("18446744073709551615-18446744073709551615"), (place{~0ULL, ~0ULL}));
}

TEST(Place, WhatIsNoneIsNotRead) {
    for (const char* text :
         {"", "-", "1", "1-", "-1", "1-2-3", "1-2 ", " 1-2", "+1-2", "1-+2", "0-0", "x-1", "1-x", "18446744073709551616-1",
          "1-18446744073709551616", "00000000000000000000000000000000000000000001-1", "1\r\n-2"}) {
        EXPECT_FALSE(read_place(text)) << text;
    }
}

TEST(Place, GrowsByTimeThenByNumber) {
    EXPECT_LT((place{1, 9}), (place{2, 0}));
    EXPECT_LT((place{2, 0}), (place{2, 1}));
    EXPECT_FALSE(place());
}

}  // namespace
}  // namespace wsidecar::core
