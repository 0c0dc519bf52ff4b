#include "sidecar/core/name_table.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <string>

namespace wsidecar::core {
namespace {

struct person {
    std::string name;
};
struct name_of {
    std::string_view operator()(const person& p) const { return p.name; }
};
using people = name_table<person, name_of>;

TEST(NameTable, FindsNobodyWhereNobodyIs) {
    people t;
    EXPECT_EQ(t.find("alice"), nullptr);
    EXPECT_EQ(t.size(), 0U);
    t.erase("alice");
    EXPECT_EQ(t.size(), 0U);
}

TEST(NameTable, AnotherOfTheSameNameTakesThePlace) {
    people t;
    person first{"alice"};
    person second{"alice"};
    t.insert(first);
    t.replace(second);
    EXPECT_EQ(t.find("alice"), &second);
    EXPECT_EQ(t.size(), 1U);
}

TEST(NameTable, AgreesWithAMapWhateverComesAndGoes) {
    people t;
    std::map<std::string, person*> expected;
    std::deque<person> all;
    std::mt19937 dice(7);  // NOLINT: the same each time
    for (int i = 0; i < 20'000; ++i) {
        const std::string name = "user-" + std::to_string(dice() % 1000);
        const auto it = expected.find(name);
        if (it == expected.end()) {
            t.insert(all.emplace_back(person{name}));
            expected.emplace(name, &all.back());
        } else {
            EXPECT_EQ(t.find(name), it->second);
            t.erase(name);
            expected.erase(it);
        }
    }
    EXPECT_EQ(t.size(), expected.size());
    for (int i = 0; i < 1000; ++i) {
        const std::string name = "user-" + std::to_string(i);
        const auto it = expected.find(name);
        EXPECT_EQ(t.find(name), it == expected.end() ? nullptr : it->second) << name;
    }
}

}  // namespace
}  // namespace wsidecar::core
