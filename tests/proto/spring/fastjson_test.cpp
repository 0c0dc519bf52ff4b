#include "proto/spring/fastjson.hpp"

#include <gtest/gtest.h>

namespace wsidecar::proto {
namespace {

struct lenient {
    const char* sentence;
    const char* bytes;
    const char* plain;
};

std::ostream& operator<<(std::ostream& out, const lenient& row) {
    return out << row.sentence;
}

class Fastjson : public testing::TestWithParam<lenient> {};

TEST_P(Fastjson, BecomesPlainJson) {
    const auto& row = GetParam();
    const auto got = unwrap_fastjson(row.bytes);
    ASSERT_TRUE(got) << got.error().reason;
    EXPECT_TRUE(got->changed);
    EXPECT_EQ(got->text, row.plain);
    EXPECT_TRUE(is_json(got->text));
}

INSTANTIATE_TEST_SUITE_P(
    Syntax, Fastjson,
    testing::Values(lenient{"numbers lose their suffix", R"({"id":1001L,"s":1S,"b":-1B,"f":1.0F,"d":1.5E10D})",
                            R"({"id":1001,"s":1,"b":-1,"f":1.0,"d":1.5E10})"},
                    lenient{"and keep their digits", R"([12.50,9223372036854775807L])", "[12.50,9223372036854775807]"},
                    lenient{"@type goes", R"({"@type":"com.example.A","id":1,"in":{"@type":"com.example.B","x":"y"}})",
                            R"({"id":1,"in":{"x":"y"}})"},
                    lenient{"a set is an array", R"({"s":Set["a","b"]})", R"({"s":["a","b"]})"},
                    lenient{"of any kind", R"([TreeSet[1L],HashSet[],Set [ 2 ]])", "[[1],[],[2]]"},
                    lenient{"a date is its milliseconds", R"({"at":new Date(1702017744851)})", R"({"at":1702017744851})"},
                    lenient{"written as an object as well", R"({"at":{"@type":"java.util.Date","val":1702017744851}})",
                            R"({"at":1702017744851})"},
                    lenient{"of SQL too", R"([{"@type":"java.sql.Timestamp","val":1L}])", "[1]"},
                    lenient{"what has a val of its own keeps it", R"({"@type":"com.example.A","val":1})", R"({"val":1})"},
                    lenient{"or more beside it", R"({"@type":"java.util.HashMap","val":1,"b":2})", R"({"val":1,"b":2})"},
                    lenient{"byte arrays are base64", R"({"b":x'0001FF',"none":x''})", R"({"b":"AAH/","none":""})"},
                    lenient{"keys without quotes", R"({id:1,_a$1:2,用户:3})", R"({"id":1,"_a$1":2,"用户":3})"},
                    lenient{"keys that are numbers", R"({1L:"a",-2:"b"})", R"({"1":"a","-2":"b"})"},
                    lenient{"single quotes", R"({'a':'it\'s "x"'})", R"({"a":"it's \"x\""})"},
                    lenient{"escapes of its own", R"(['\x41\v\0\7'])", R"(["\u0041\u000b\u0000\u0007"])"},
                    lenient{"other escapes stay", R"(['\u003d\n\"\\\/'])", R"(["\u003d\n\"\\\/"])"},
                    lenient{"control characters are escaped", "[\"a\tb\"]", R"(["a\u0009b"])"},
                    lenient{"no value is null", "[NaN,undefined,null]", "[null,null,null]"},
                    lenient{"a long as the whole", "1001L", "1001"},
                    lenient{"whitespace goes", " { a : [ 1 , 2 ] } ", R"({"a":[1,2]})"},
                    lenient{"@type that is no string is data", R"({@type:1})", R"({"@type":1})"}));

INSTANTIATE_TEST_SUITE_P(
    References, Fastjson,
    testing::Values(
        lenient{"from the root", R"({"a":{"x":1},"b":{"$ref":"$.a"}})", R"({"a":{"x":1},"b":{"x":1}})"},
        lenient{"into arrays", R"({"l":[{"id":1L}],"first":{"$ref":"$.l[0]"},"id":{"$ref":"$.l[0].id"}})",
                R"({"l":[{"id":1}],"first":{"id":1},"id":1})"},
        lenient{"within the root array", R"([{"u":"x"},{"$ref":"$[0]"}])", R"([{"u":"x"},{"u":"x"}])"},
        lenient{"ahead", R"([{"$ref":"$[1]"},5])", "[5,5]"},
        lenient{"to a reference", R"({"a":1,"b":{"$ref":"$.a"},"c":{"$ref":"$.b"}})", R"({"a":1,"b":1,"c":1})"},
        lenient{"to a date", R"([{"@type":"java.util.Date","val":7},{"$ref":"$[0]"}])", "[7,7]"},
        lenient{"to quoted names", R"({"a b":1,"c]":2,"x":{"$ref":"$['a b']"},"y":{"$ref":"$[\"c]\"]"}})",
                R"({"a b":1,"c]":2,"x":1,"y":2})"},
        lenient{"to names with escapes", R"({"a.b":1,"x":{"$ref":"$.a\\.b"},"\u0079":2,"z":{"$ref":"$.y"}})",
                R"({"a.b":1,"x":1,"\u0079":2,"z":2})"},
        lenient{"to a number in a map", R"({"m":{1:"a"},"x":{"$ref":"$.m[1]"}})", R"({"m":{"1":"a"},"x":"a"})"},
        lenient{"to itself is null", R"({"me":{"$ref":"@"},"id":1})", R"({"me":null,"id":1})"},
        lenient{"to the parent is null", R"({"kids":[{"up":{"$ref":".."}}]})", R"({"kids":[{"up":null}]})"},
        lenient{"to the root is null", R"({"a":{"b":{"$ref":"$"}}})", R"({"a":{"b":null}})"},
        lenient{"in a circle are null", R"({"a":{"$ref":"$.b"},"b":{"$ref":"$.a"}})", R"({"a":null,"b":null})"},
        lenient{"through others in a circle", R"({"a":{"x":{"$ref":"$.b"}},"b":{"y":{"$ref":"$.a"}}})",
                R"({"a":{"x":{"y":null}},"b":{"y":{"x":null}}})"},
        lenient{"to nothing are null",
                R"([{"$ref":"$.no"},{"$ref":"$[9]"},{"$ref":"x"},{"$ref":""},{"$ref":"$["},{"$ref":"$[0"},{"$ref":"$x"}])",
                "[null,null,null,null,null,null,null]"},
        lenient{"as the whole are null", R"({"$ref":"$"})", "null"},
        lenient{"to halves of characters are null", R"([{"$ref":"$.\ud83d"}])", "[null]"}));

TEST(Fastjson, LeavesPlainJsonAlone) {
    for (const char* json : {R"({"id":1,"a":[true,null,"x\u003d"]})", "5", R"("hello")", R"({"$ref":1})",
                             R"({"$ref":"$","b":1})", R"({"a@type":"x"})"}) {
        const auto got = unwrap_fastjson(json);
        ASSERT_TRUE(got) << json;
        EXPECT_FALSE(got->changed) << json;
        EXPECT_FALSE(got->typed) << json;
    }
}

TEST(Fastjson, SaysWhetherClassesWereNamed) {
    EXPECT_TRUE(unwrap_fastjson(R"({"@type":"x.A"})")->typed);
    EXPECT_FALSE(unwrap_fastjson(R"({a:1L})")->typed);
}

TEST(Fastjson, RefusesWhatFastjsonWouldNotWrite) {
    for (const char* bad : {"",
                            " ",
                            "hello",
                            "{",
                            "[1,",
                            "[1,]",
                            "{a:1,}",
                            "{a}",
                            "{a:}",
                            "[1 2]",
                            "{}{}",
                            "1X",
                            "01",
                            "1LL",
                            "truex",
                            "new Date(x)",
                            "new Date(\"1\")",
                            "new Date(true)",
                            "new Thing(1)",
                            "newDate(1)",
                            "Set{}",
                            "Set",
                            "Sets[1]",
                            "x'0'",
                            "x'0G'",
                            "x'00",
                            "'a",
                            "\"\\q\"",
                            "\"\\x4\"",
                            "\"\\u00\"",
                            "\"\\",
                            "{[]:1}",
                            "-"}) {
        const auto got = unwrap_fastjson(bad);
        ASSERT_FALSE(got) << bad;
        EXPECT_STREQ(got.error().reason, "not_fastjson") << bad;
    }
}

TEST(Fastjson, GoesNoDeeperThanTheLimit) {
    EXPECT_STREQ(unwrap_fastjson(std::string(100'000, '[')).error().reason, "too_deep");
    EXPECT_STREQ(unwrap_fastjson("[Set[Set[1]]]", 2).error().reason, "too_deep");
    // Every element points at the next one: 70 references behind each other.
    std::string chain = "[";
    for (int i = 1; i <= 70; ++i) {
        chain += "{\"$ref\":\"$[" + std::to_string(i) + "]\"},";
    }
    EXPECT_STREQ(unwrap_fastjson(chain + "1]").error().reason, "too_deep");
}

TEST(Fastjson, ReferencesThatDoubleTheTextEndAtTheLimit) {
    std::string bomb = R"({"a0":["x","x"])";
    for (int i = 1; i < 30; ++i) {
        const std::string before = R"({"$ref":"$.a)" + std::to_string(i - 1) + R"("})";
        bomb += ",\"a" + std::to_string(i) + "\":[" + before + "," + before + "]";
    }
    EXPECT_STREQ(unwrap_fastjson(bomb + "}").error().reason, "output_too_large");
    EXPECT_STREQ(unwrap_fastjson(R"([1L,"xxxxxxxxxx"])", 64, 8).error().reason, "output_too_large");
}

TEST(Fastjson, FarReferencesEndAtTheLimit) {
    std::string far = "[";
    for (int i = 0; i < 20'000; ++i) {
        far += R"({"$ref":"$[39999]"},)";
    }
    for (int i = 0; i < 20'000; ++i) {
        far += "1,";
    }
    EXPECT_STREQ(unwrap_fastjson(far + "1]").error().reason, "too_many_references");
}

}  // namespace
}  // namespace wsidecar::proto
