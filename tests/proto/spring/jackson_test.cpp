#include "proto/spring/jackson.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace wsidecar::proto {
namespace {

struct unwrapping {
    const char* sentence;
    const char* json;
    const char* plain;  ///< null: no types were found
};

std::ostream& operator<<(std::ostream& out, const unwrapping& row) {
    return out << row.sentence;
}

std::string fixture(const std::string& name) {
    std::ifstream in(std::string(WSIDECAR_SOURCE_DIR) + "/tests/proto/java/redis/" + name);
    std::ostringstream text;
    text << in.rdbuf();
    auto out = text.str();
    EXPECT_FALSE(out.empty()) << name;
    return out;
}

class Jackson : public testing::TestWithParam<unwrapping> {};

TEST_P(Jackson, IsTakenOut) {
    const auto& row = GetParam();
    const auto got = unwrap_jackson(row.json, jackson_types::detect);
    ASSERT_TRUE(got) << got.error().reason;
    EXPECT_EQ(got->typed, row.plain != nullptr);
    EXPECT_EQ(got->text, row.plain != nullptr ? row.plain : "");
}

INSTANTIATE_TEST_SUITE_P(
    Types, Jackson,
    testing::Values(
        unwrapping{"a member names the class", R"({"@class":"com.example.A","id":1})", R"({"id":1})"},
        unwrapping{"it may stand behind others", R"({"id":1,"@class":"com.example.A","b":2})", R"({"id":1,"b":2})"},
        unwrapping{"and at every level", R"({"a":{"@class":"com.example.A"},"l":[{"@class":"x.B","i":1}]})",
                   R"({"a":{},"l":[{"i":1}]})"},
        unwrapping{"an array around the value names it", R"(["com.example.A",{"id":1}])", R"({"id":1})"},
        unwrapping{"nested arrays", R"(["java.util.ArrayList",[["com.example.A",{"l":["java.util.ArrayList",[]]}]]])",
                   R"([{"l":[]}])"},
        unwrapping{"one wrapper anywhere is enough", R"({"a":1,"l":["java.util.ArrayList",[1,2]]})", R"({"a":1,"l":[1,2]})"},
        unwrapping{"scalars of java. are unwrapped", R"({"@class":"x.A","at":["java.util.Date",0],"id":["java.lang.Long",1]})",
                   R"({"at":0,"id":1})"},
        unwrapping{"so are those of javax.", R"({"@class":"x.A","n":["javax.Name","cn"]})", R"({"n":"cn"})"},
        unwrapping{"nested classes, as enums are", R"({"@class":"x.A","s":["com.example.A$Status","NEW"]})", R"({"s":"NEW"})"},
        unwrapping{"classes in two packages", R"({"@class":"x.A","s":["com.example.Status","NEW"]})", R"({"s":"NEW"})"},
        unwrapping{"arrays of Java",
                   R"({"@class":"x.A","a":["[Ljava.lang.String;",["x"]],"b":["[[I",[[1]]],"c":["[B","AAE="]})",
                   R"({"a":["x"],"b":[[1]],"c":"AAE="})"},
        unwrapping{"booleans", R"({"@class":"x.A","b":["java.util.concurrent.atomic.AtomicBoolean",true]})", R"({"b":true})"},
        unwrapping{"the enum collections name what they hold",
                   R"({"@class":"x.A","s":["java.util.EnumSet<com.example.Status>",["NEW"]]})", R"({"s":["NEW"]})"},
        unwrapping{"two strings in one package are data", R"({"@class":"x.A","l":["a.C","x"]})", R"({"l":["a.C","x"]})"},
        unwrapping{"so are lower-case names", R"({"@class":"x.A","l":["www.example.com","x"]})",
                   R"({"l":["www.example.com","x"]})"},
        unwrapping{"null is never wrapped", R"({"@class":"x.A","l":["java.util.Date",null]})",
                   R"({"l":["java.util.Date",null]})"},
        unwrapping{"three elements are data", R"({"@class":"x.A","l":["java.util.Date",0,1]})",
                   R"({"l":["java.util.Date",0,1]})"},
        unwrapping{"so is one", R"({"@class":"x.A","l":["java.util.Date"]})", R"({"l":["java.util.Date"]})"},
        unwrapping{"what a wrapper holds is no wrapper", R"(["java.util.ArrayList",["java.util.Date","x"]])",
                   R"(["java.util.Date","x"])"},
        unwrapping{"but its elements may be", R"(["java.util.ArrayList",["java.util.Date",["java.util.Date",1]]])",
                   R"(["java.util.Date",1])"},
        unwrapping{"a wrapper behind a held list is found",
                   R"(["java.util.ArrayList",[["java.util.ArrayList",["a.b.C",{}]],["a.b.C",{}]]])", R"([["a.b.C",{}],{}])"},
        unwrapping{"a scalar as the whole", R"(["java.math.BigDecimal",12.50])", "12.50"},
        unwrapping{
            "numbers keep their digits",
            R"(["x.A",{"p":["java.math.BigDecimal",12.50],"n":["java.math.BigInteger",12345678901234567890],"e":1.0E300}])",
            R"({"p":12.50,"n":12345678901234567890,"e":1.0E300})"},
        unwrapping{"strings keep their escapes", R"({"@class":"x.A","t":"a\u003db \"q\" \ud83d","k\u0041":1})",
                   R"({"t":"a\u003db \"q\" \ud83d","k\u0041":1})"},
        unwrapping{"the order of keys stays", R"({"@class":"x.A","z":1,"a":2,"m":3})", R"({"z":1,"a":2,"m":3})"},
        unwrapping{"whitespace between tokens goes", "{ \"@class\" : \"x.A\" ,\n \"t\" : \"a  b\" , \"l\" : [ 1 , 2 ] }",
                   R"({"t":"a  b","l":[1,2]})"},
        unwrapping{"Spring's NullValue is null", R"({"@class":"org.springframework.cache.support.NullValue"})", "null"},
        unwrapping{"inside others, too", R"([{"@class":"org.springframework.cache.support.NullValue"},1])", "[null,1]"},
        unwrapping{"an object of it with members is an object",
                   R"({"@class":"org.springframework.cache.support.NullValue","a":1})", R"({"a":1})"},
        unwrapping{"a Chinese class is a class only by its member", R"({"@class":"com.例.用户","名":1})", R"({"名":1})"}));

INSTANTIATE_TEST_SUITE_P(
    NoTypes, Jackson,
    testing::Values(unwrapping{"an object", R"({"id":1})", nullptr},
                    unwrapping{"an array of two strings", R"(["a","b"])", nullptr},
                    unwrapping{"two strings, the first a class in one package", R"(["a.C","x"])", nullptr},
                    unwrapping{"a scalar wrapper inside, and nothing beyond doubt", R"({"at":["java.util.Date",0]})", nullptr},
                    unwrapping{"a class that is no string", R"({"@class":1})", nullptr},
                    unwrapping{"a word before an object", R"(["notice",{"id":1}])", nullptr},
                    unwrapping{"a sentence before an object", R"(["See example.com now",{"id":1}])", nullptr},
                    unwrapping{"a name that begins with a digit", R"(["1.2",{"id":1}])", nullptr},
                    unwrapping{"empty names", R"(["a..b",{"id":1}])", nullptr},
                    unwrapping{"a dot at the end", R"(["a.",{"id":1}])", nullptr}, unwrapping{"a number", "5", nullptr},
                    unwrapping{"a string", R"("com.example.A")", nullptr},
                    unwrapping{"a string that looks typed", R"("{\"@class\":\"x.A\"}")", nullptr}));

TEST(Jackson, FromACallerWhoIsSureLooksForScalarWrappersAlone) {
    EXPECT_EQ(unwrap_jackson(R"({"at":["java.util.Date",0]})", jackson_types::sure)->text, R"({"at":0})");
    EXPECT_FALSE(unwrap_jackson(R"({"at":0, "l":["a","b"]})", jackson_types::sure)->typed);
}

TEST(Jackson, OfSpringRedisBecomesWhatAPlainMapperWrites) {
    EXPECT_EQ(unwrap_jackson(fixture("generic_nonfinal_property_map.json"), jackson_types::detect)->text,
              fixture("jackson2json_plain_map.json"));
    for (const char* name :
         {"generic_everything_plain_270_vo.json", "generic_everything_property_vo.json", "generic_nonfinal_property_vo.json"}) {
        EXPECT_EQ(unwrap_jackson(fixture(name), jackson_types::detect)->text, fixture("jackson2json_plain_vo.json")) << name;
    }
    for (const char* name : {"jackson2json_plain_map.json", "jackson2json_plain_vo.json", "jackson2json_wrapperarray_long.json",
                             "jackson2json_wrapperarray_string.json"}) {
        EXPECT_FALSE(unwrap_jackson(fixture(name), jackson_types::detect)->typed) << name;
    }
}

TEST(Jackson, RefusesWhatIsNoJsonOrTooDeep) {
    EXPECT_STREQ(unwrap_jackson(R"({"@class":"x.A")", jackson_types::detect).error().reason, "not_json");
    EXPECT_STREQ(unwrap_jackson(R"({"@class":"x.A","id":1001L})", jackson_types::sure).error().reason, "not_json");
    EXPECT_STREQ(unwrap_jackson(std::string(100'000, '['), jackson_types::detect).error().reason, "too_deep");
    std::string nested = "1";
    for (int i = 0; i < json_depth; ++i) {
        nested = R"(["x.A",)" + nested + "]";
    }
    EXPECT_STREQ(unwrap_jackson("[" + nested + "]", jackson_types::detect).error().reason, "too_deep");
    EXPECT_TRUE(unwrap_jackson(nested, jackson_types::detect)->typed);
}

TEST(Jackson, KnowsNamesOfClasses) {
    for (const char* good : {"java.lang.Long", "com.example.A$Status", "a.b", "_x.$y", "[Ljava.lang.String;", "[[Lcom.x.A;",
                             "[B", "[[J", "com.example.a1.B2"}) {
        EXPECT_TRUE(is_java_class_name(good)) << good;
    }
    for (const char* bad : {"", "A", "[", "[L", "[V", "B", ".a", "a.", "a..b", "1.a", "a.1", "a b.c", "a.b c", "a-b.c", "L;",
                            "http://a.b", "a.b;;", "a.b<c.d>"}) {
        EXPECT_FALSE(is_java_class_name(bad)) << bad;
    }
}

}  // namespace
}  // namespace wsidecar::proto
