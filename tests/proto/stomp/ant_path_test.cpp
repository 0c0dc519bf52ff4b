// Destinations with wildcards, against what Spring's AntPathMatcher said of each row of stomp/ant_cases.json (AntCases.java).

#include "proto/stomp/ant_path.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <chrono>
#include <fstream>
#include <iterator>

#include <tuple>

namespace wsidecar::proto::stomp {
namespace {

using namespace std::string_literals;

boost::json::array rows() {
    std::ifstream in(std::string(WSIDECAR_SOURCE_DIR).append("/tests/proto/stomp/ant_cases.json"));
    return boost::json::parse(std::string(std::istreambuf_iterator<char>(in), {})).as_array();
}

TEST(AntPath, SaysWhatSpringSays) {
    const auto table = rows();
    ASSERT_GT(table.size(), 4000U);
    std::size_t matches = 0;
    for (const auto& entry : table) {
        const auto& row = entry.as_array();
        const std::string_view separator = row[0].as_string();
        const std::string_view pattern = row[1].as_string();
        const std::string_view path = row[2].as_string();
        EXPECT_EQ(is_pattern(pattern), row[3].as_bool()) << entry;
        EXPECT_EQ(match(pattern, path, separator[0]), row[4].as_bool()) << entry;
        matches += row[4].as_bool() ? 1 : 0;
    }
    EXPECT_GT(matches, 1000U);
    EXPECT_GT(table.size() - matches, 1000U);
}

TEST(AntPath, OnePatternIsReadOnceAndMatchedOften) {
    const auto p = ant_pattern::parse("/topic/{room}/*.json");
    ASSERT_TRUE(p);
    EXPECT_EQ(p->text(), "/topic/{room}/*.json");
    EXPECT_TRUE(p->match("/topic/7/a.json"));
    EXPECT_TRUE(p->match("/topic/8/.json"));
    EXPECT_FALSE(p->match("/topic/8/a.xml"));
    const auto copy = *p;
    EXPECT_TRUE(copy.match("/topic/7/a.json"));
}

TEST(AntPath, ARegularExpressionIsRefused) {
    for (const auto* pattern : {"/topic/{id:[0-9]+}", "/topic/a{id:.*}b", "/{:}", "/{a{b:c}}", "/x/{a:}"}) {
        const auto p = ant_pattern::parse(pattern);
        ASSERT_FALSE(p) << pattern;
        EXPECT_STREQ(p.error().reason, "pattern_regex");
        EXPECT_TRUE(is_pattern(pattern)) << pattern;
        EXPECT_FALSE(match(pattern, pattern)) << pattern;
    }
    for (const auto* pattern : {"/topic/a:b", "/topic/{a", "/{a}:{b}", "/:*"}) {
        EXPECT_TRUE(ant_pattern::parse(pattern)) << pattern << " has a colon, but in no variable";
    }
}

TEST(AntPath, ALongPatternIsRefused) {
    EXPECT_TRUE(ant_pattern::parse(std::string(ant_pattern::max_bytes, '*')));
    const auto p = ant_pattern::parse(std::string(ant_pattern::max_bytes + 1, '*'));
    ASSERT_FALSE(p);
    EXPECT_STREQ(p.error().reason, "pattern_too_long");
}

/// What would take for ever with backtracking takes milliseconds; the bound is wide enough for a sanitizer on a busy machine.
TEST(AntPath, HostilePatternsTakeBoundedWork) {
    const auto repeat = [](std::string_view text, std::size_t bytes) {
        std::string out;
        while (out.size() + text.size() <= bytes) {
            out += text;
        }
        return out;
    };
    const std::string as(1000, 'a');
    const std::pair<std::string, std::string> cases[] = {
        {repeat("*a", 1000) + "b", as},
        {repeat("/**", 900) + "/a*a*a*a*a*b", repeat("/a", 900) + "/" + as},
        {repeat("/**/a", 900) + "/b", repeat("/a", 2000)},
        {repeat("/**/*/*/*a", 900) + "/**/b", repeat("/aaaaaaa", 2000)},
        {"/**/" + repeat("*a", 1000) + "b/**", repeat("/" + as, 8000)},
        {repeat("{", 500) + repeat("}", 500), as},
        {repeat("{", 1000), as},
        {repeat("{a", 1000) + "}", as},
        {repeat("{}", 1000), as},
        {"{" + repeat("\\{", 1000), as},
        {repeat("*?", 1000) + "b", as},
    };
    const auto start = std::chrono::steady_clock::now();
    for (const auto& [pattern, path] : cases) {
        EXPECT_FALSE(match(pattern.substr(0, ant_pattern::max_bytes), path) && pattern.ends_with('b')) << pattern;
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(AntPath, ASegmentsFrontAndEndDoNotOverlap) {
    for (const auto& [pattern, path, matches] :
         std::vector<std::tuple<const char*, const char*, bool>>{{"/ab*ba", "/aba", false},
                                                                 {"/ab*ba", "/abba", true},
                                                                 {"/ab*ba", "/ab-ba", true},
                                                                 {"/?*?", "/a", false},
                                                                 {"/?*?", "/ab", true},
                                                                 {"/*??b", "/aéüb", true},
                                                                 {"/*??b", "/éb", false},
                                                                 {"/a*b*c", "/abc", true},
                                                                 {"/a*b*c", "/ac", false},
                                                                 {"/a*b*c", "/acbc", true},
                                                                 {"/a*bc*c", "/abc", false},
                                                                 {"/*é?", "/xxé\U0001F600", true},
                                                                 {"/**b", "/b", true},
                                                                 {"/a**", "/a", true}}) {
        EXPECT_EQ(match(pattern, path), matches) << pattern << ' ' << path;
    }
}

TEST(AntPath, TheCostSaysWhatIsLookedForAndNotOnlyCompared) {
    const auto cost = [](const std::string& pattern) { return ant_pattern::parse(pattern)->cost(); };
    EXPECT_LT(cost("/topic/*"), 16U);
    EXPECT_LT(cost("/topic/*/x/*"), 32U);
    EXPECT_LT(cost("/topic/*" + std::string(240, '?') + "b"), 257U) << "one end: it is compared once";
    EXPECT_GT(cost("/topic/*a*"), 256U) << "between two *: at every place";
    EXPECT_GT(cost("/topic/*" + std::string(200, 'a') + "*"), 200U * 256U);
    EXPECT_LT(cost("/topic/**/a/b"), 32U);
    EXPECT_GT(cost("/topic/**/a/**"), 256U) << "between two **: at every segment";
    EXPECT_GT(cost("/**/*a*/**"), 256U);
}

TEST(AntPath, WhatStandsBeforeTheFirstWildcardIsKnown) {
    const auto front = [](const std::string& pattern) { return ant_pattern::parse(pattern)->fixed_front(); };
    EXPECT_EQ(front("/topic/shop-7/*"), "/topic/shop-7");
    EXPECT_EQ(front("/topic//shop-7//**"), "/topic/shop-7");
    EXPECT_EQ(front("/topic/a?/b"), "/topic");
    EXPECT_EQ(front("/topic/{x}/b"), "/topic");
    EXPECT_EQ(front("/*"), "");
    EXPECT_EQ(front("/topic/a"), "/topic/a");
}

TEST(AntPath, BytesThatAreNoUtf8AreMatchedAllTheSame) {
    EXPECT_TRUE(match("/?", "/\xFF"));
    EXPECT_TRUE(match("/*a", "/\x80\x80"s + "a"));
    EXPECT_FALSE(match("/?", "/\xFF\xFE"));
}

}  // namespace
}  // namespace wsidecar::proto::stomp
