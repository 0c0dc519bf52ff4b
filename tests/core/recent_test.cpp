#include "sidecar/core/recent.hpp"

#include <gtest/gtest.h>

namespace wsidecar::core {
namespace {

std::vector<int> newest(const ring<int>& r) {
    std::vector<int> out;
    r.newest_first([&](int i) {
        out.push_back(i);
        return true;
    });
    return out;
}

TEST(Recent, ARingKeepsTheLatest) {
    ring<int> r(3);
    EXPECT_EQ(newest(r), (std::vector<int>{}));
    r.next() = 1;
    r.next() = 2;
    EXPECT_EQ(newest(r), (std::vector<int>{2, 1}));
    for (int i = 3; i <= 7; ++i) {
        r.next() = i;
    }
    EXPECT_EQ(newest(r), (std::vector<int>{7, 6, 5}));
    EXPECT_EQ(r.count(), 7U);
}

TEST(Recent, AnEntryIsFoundByItsNumberUntilItGaveItsPlaceAway) {
    ring<int> r(3);
    EXPECT_EQ(r.at(0), nullptr);
    for (int i = 0; i < 5; ++i) {
        r.next() = 10 + i;
    }
    EXPECT_EQ(r.at(0), nullptr);
    EXPECT_EQ(r.at(1), nullptr);
    EXPECT_EQ(*r.at(2), 12);
    EXPECT_EQ(*r.at(4), 14);
    EXPECT_EQ(r.at(5), nullptr);
}

TEST(Recent, APlaceStaysWhereItIsWhileOthersCome) {
    ring<int> r(1000);
    int& first = r.next();
    first = 1;
    for (int i = 0; i < 900; ++i) {
        r.next() = 2;
    }
    EXPECT_EQ(&first, r.at(0));
}

TEST(Recent, WhoeverHasSeenEnoughEndsIt) {
    ring<int> r(3);
    r.next() = 1;
    r.next() = 2;
    int seen = 0;
    r.newest_first([&](int) { return ++seen < 1; });
    EXPECT_EQ(seen, 1);
}

TEST(Recent, NamesAreWrittenWithTheirKindAndFoundAsAWhole) {
    proto::addresses to;
    to.users = {"alice", "bob"};
    to.groups = {"table-7"};
    std::string lines = "what was there before";
    write_names(to, lines);
    EXPECT_EQ(lines, "ualice\nubob\ngtable-7");
    EXPECT_TRUE(has_name(lines, "ubob"));
    EXPECT_TRUE(has_name(lines, "gtable-7"));
    EXPECT_FALSE(has_name(lines, "ubo"));
    EXPECT_FALSE(has_name(lines, "gbob"));
    EXPECT_FALSE(has_name("", "ubob"));
    to = {};
    to.all = true;
    write_names(to, lines);
    EXPECT_EQ(lines, "*");
}

TEST(Recent, OfManyNamesTheFirstAreKept) {
    proto::addresses to;
    for (int i = 0; i < 1000; ++i) {
        to.users.push_back("user-" + std::to_string(i));
    }
    std::string lines;
    write_names(to, lines);
    EXPECT_LE(lines.size(), 512U);
    EXPECT_TRUE(has_name(lines, "uuser-0"));
    EXPECT_FALSE(has_name(lines, "uuser-999"));
}

}  // namespace
}  // namespace wsidecar::core
