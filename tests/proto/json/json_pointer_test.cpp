#include "proto/json/json_pointer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/json/json_cursor.hpp"

namespace wsidecar::proto {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct lookup {
    const char* sentence;
    const char* json;
    const char* pointer;
    std::optional<std::string_view> value;
};

class JsonPointer : public testing::TestWithParam<lookup> {};

TEST_P(JsonPointer, Finds) {
    const auto& row = GetParam();
    EXPECT_EQ(find_pointer(row.json, row.pointer), row.value) << row.sentence;
}

// The examples of RFC 6901 section 5 first.
constexpr const char* rfc = R"({"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8})";

INSTANTIATE_TEST_SUITE_P(
    Table, JsonPointer,
    testing::Values(lookup{"empty is the whole", rfc, "", rfc},                    //
                    lookup{"a member", rfc, "/foo", R"(["bar","baz"])"},           //
                    lookup{"an element", rfc, "/foo/0", R"("bar")"},               //
                    lookup{"an empty key", rfc, "/", "0"},                         //
                    lookup{"~1 is a slash", rfc, "/a~1b", "1"},                    //
                    lookup{"percent is nothing special", rfc, "/c%d", "2"},        //
                    lookup{"a caret", rfc, "/e^f", "3"},                           //
                    lookup{"a bar", rfc, "/g|h", "4"},                             //
                    lookup{"an escaped backslash in the key", rfc, "/i\\j", "5"},  //
                    lookup{"an escaped quote in the key", rfc, "/k\"l", "6"},      //
                    lookup{"a space", rfc, "/ ", "7"},                             //
                    lookup{"~0 is a tilde", rfc, "/m~0n", "8"},                    //
                    lookup{"~01 is ~1", R"({"~1":1})", "/~01", "1"},               //
                    lookup{"numbers keep their digits", R"({"p":12.50,"n":9007199254740993123})", "/n", "9007199254740993123"},
                    lookup{"and their zeros", R"({"p":12.50})", "/p", "12.50"},                                             //
                    lookup{"strings keep their escapes", R"({"c":"a\u003db"})", "/c", R"("a\u003db")"},                     //
                    lookup{"an escaped key is the same key", R"({"\u0075ser":1})", "/user", "1"},                           //
                    lookup{"Chinese keys", R"({"用户":{"名":"张三"}})", "/用户/名", R"("张三")"},                           //
                    lookup{"whitespace around the value is not part of it", " { \"a\" : [ 1 , 2 ] } ", "/a", "[ 1 , 2 ]"},  //
                    lookup{"nor around the whole", " 5\n", "", "5"},                                                        //
                    lookup{"null is found", R"({"a":null})", "/a", "null"},                                                 //
                    lookup{"the last of repeated members counts", R"({"a":{"b":1},"a":{"b":2}})", "/a/b", "2"},             //
                    lookup{"even if it has not what is sought", R"({"a":{"b":1},"a":3})", "/a/b", std::nullopt},            //
                    lookup{"a missing member", R"({"a":1})", "/b", std::nullopt},                                           //
                    lookup{"a member of a number", R"({"a":1})", "/a/b", std::nullopt},                                     //
                    lookup{"an element beyond the end", "[1]", "/1", std::nullopt},                                         //
                    lookup{"indexes have no leading zero", "[1,2]", "/01", std::nullopt},                                   //
                    lookup{"- is behind the last element", "[1]", "/-", std::nullopt},                                      //
                    lookup{"no sign either", "[1,2]", "/+1", std::nullopt},                                                 //
                    lookup{"an index that overflows", "[1]", "/99999999999999999999999", std::nullopt},                     //
                    lookup{"a digit is a key in an object", R"({"0":"x"})", "/0", R"("x")"},                                //
                    lookup{"* is an ordinary key", R"({"*":1,"a":2})", "/*", "1"},                                          //
                    lookup{"what is broken behind the value is broken", R"({"a":1)", "/a", std::nullopt},                   //
                    lookup{"text is no JSON", "hello", "", std::nullopt},                                                   //
                    lookup{"nothing is no JSON", "", "", std::nullopt},                                                     //
                    lookup{"no slash in front", R"({"a":1})", "a", std::nullopt},                                           //
                    lookup{"a tilde alone", R"({"a~":1})", "/a~", std::nullopt}));

TEST(JsonPointers, AreEmptyOrBeginWithASlashAndEscapeTildes) {
    for (const char* good : {"", "/", "/a/b", "/a~0b~1c", "/*/id", "//", "/0"}) {
        EXPECT_TRUE(valid_pointer(good)) << good;
    }
    for (const char* bad : {"a", "#/a", "/~", "/a~2", "/a/~", "/\xFF"}) {
        EXPECT_FALSE(valid_pointer(bad)) << bad;
    }
}

TEST(JsonPointers, AStarStandsForEveryElementOrMember) {
    constexpr auto json = R"({"vos":[{"id":1},{"no":0},{"id":"\u0032"}],"by":{"a":{"id":3},"b":{"id":4}}})";
    EXPECT_THAT(find_all(json, "/vos/*/id"), ElementsAre("1", R"("\u0032")"));
    EXPECT_THAT(find_all(json, "/by/*/id"), ElementsAre("3", "4"));
    EXPECT_THAT(find_all(json, "/*/*/id"), ElementsAre("1", R"("\u0032")", "3", "4"));
    EXPECT_THAT(find_all(json, "/by/a/id"), ElementsAre("3"));
    EXPECT_THAT(find_all(json, "/by/*"), ElementsAre(R"({"id":3})", R"({"id":4})"));
    EXPECT_THAT(find_all(json, ""), ElementsAre(json));
    EXPECT_THAT(find_all(json, "/none/*"), IsEmpty());
    EXPECT_THAT(find_all("[]", "/*"), IsEmpty());
    EXPECT_THAT(find_all("[1,2", "/*"), IsEmpty()) << "all of it has to be JSON";
}

TEST(JsonPointers, OfRepeatedMembersTheLastOneCountsInsideStarsToo) {
    EXPECT_THAT(find_all(R"([{"id":1,"id":2},{"id":3}])", "/*/id"), ElementsAre("2", "3"));
    EXPECT_THAT(find_all(R"({"a":[1,2],"a":[3]})", "/a/*"), ElementsAre("3"));
}

TEST(JsonPointers, ScalarTextIsWhatATemplateTakes) {
    EXPECT_EQ(scalar_text(R"("a\u003db \ud83d\ude00")"), "a=b 😀");
    EXPECT_EQ(scalar_text(R"("")"), "");
    EXPECT_EQ(scalar_text("12.50"), "12.50");
    EXPECT_EQ(scalar_text("-9007199254740993"), "-9007199254740993");
    EXPECT_EQ(scalar_text("true"), "true");
    EXPECT_EQ(scalar_text(" 7 "), "7");
    for (const char* nothing : {"null", "{}", "[1]", "", " ", "hello", "1 2", "\"", R"("\ud83d")", "01", "nul"}) {
        EXPECT_FALSE(scalar_text(nothing)) << nothing;
    }
}

TEST(JsonPointers, LookNoDeeperThanTheLimit) {
    const auto nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
    std::string pointer;
    for (int i = 0; i + 1 < json_depth; ++i) {
        pointer += "/0";
    }
    EXPECT_EQ(find_pointer(nested(json_depth), pointer), "[]");
    EXPECT_EQ(find_pointer(nested(json_depth + 1), ""), std::nullopt);
    EXPECT_EQ(find_pointer(nested(1'000'000), "/0"), std::nullopt);
}

TEST(JsonCursor, IsJsonTellsWhatTheStandardTells) {
    for (const char* good :
         {"0", "-0", "1e5", "1.5E-7", "true", "false", "null", "\"\"", "[]", "{}", " [1, {\"a\": [null]}]\n", "\"\\u00e9\""}) {
        EXPECT_TRUE(is_json(good)) << good;
    }
    for (const char* bad :
         {"",     " ",       "-",           "01",     "1.",   ".5",  "1e",    "+1",    "tru",     "nul",      "True",
          "\"",   "\"\\x\"", "\"\\u00g0\"", "\"\t\"", "[1,]", "[,]", "[1 2]", "{a:1}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
          "{}{}", "[",       "]",           "[}",     "{]",   "'a'", "NaN",   "1 2",   "\"\\"}) {
        EXPECT_FALSE(is_json(bad)) << bad;
    }
}

TEST(JsonPointer, ANumberInANameHasOneText) {
    const std::pair<const char*, const char*> table[] = {{"7", "7"},
                                                         {"7.0", "7"},
                                                         {"7.50", "7.5"},
                                                         {"-7.0", "-7"},
                                                         {"-0.0", "0"},
                                                         {"0.7E1", "7"},
                                                         {"1E3", "1000"},
                                                         {"1e+3", "1000"},
                                                         {"12.5e-1", "1.25"},
                                                         {"1e-3", "0.001"},
                                                         {"100", "100"},
                                                         {"1234567890123456789.0", "1234567890123456789"},
                                                         {"12345678901234567890123", "12345678901234567890123"},
                                                         {"1E400", "1E400"},
                                                         {"1E99999999999", "1E99999999999"},
                                                         {"\"7.0\"", "7.0"},
                                                         {"\"007\"", "007"},
                                                         {"true", "true"}};
    for (const auto& [raw, name] : table) {
        EXPECT_EQ(name_text(raw), name) << raw;
    }
    for (const char* none : {"null", "[7]", "{}", "7 7", ""}) {
        EXPECT_EQ(name_text(none), std::nullopt) << none;
    }
}

}  // namespace
}  // namespace wsidecar::proto
