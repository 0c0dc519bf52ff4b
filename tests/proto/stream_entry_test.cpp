#include "proto/stream_entry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proto/spring/java_json.hpp"
#include "proto/text/base64.hpp"

namespace wsidecar::proto {
namespace {

using namespace std::string_literals;
using testing::Optional;

result<std::string> java(std::string_view stream) {
    auto json = java_to_json(stream);
    if (!json) {
        return problem{json.error().reason, json.error().detail};
    }
    return std::move(*json);
}

std::string json_of(const std::vector<std::pair<std::string, std::string>>& fields) {
    stream_entry e{"1-1", {}};
    for (const auto& [name, value] : fields) {
        e.fields.emplace_back(name, value);
    }
    const auto json = entry_json(e, java);
    return json ? *json : "problem: "s + json.error().reason;
}

std::string java_text(const std::string& text) {
    return "\xAC\xED\x00\x05t"s + static_cast<char>(text.size() >> 8U) + static_cast<char>(text.size() & 0xFFU) + text;
}

std::string java_byte_array(const std::string& bytes) {
    return "\xAC\xED\x00\x05ur\x00\x02[B\xAC\xF3\x17\xF8\x06\x08T\xE0\x02\x00\x00xp\x00\x00"s +
           static_cast<char>(bytes.size() >> 8U) + static_cast<char>(bytes.size() & 0xFFU) + bytes;
}

/// new Item("rice", 2.5) of a class com.example.orders.Write$Item, and Integer.valueOf(7), by Java 17's ObjectOutputStream.
const std::string java_item =
    "\xAC\xED\x00\x05sr\x00\x1D"
    "com.example.orders.Write$ItemO\xFF"
    "36s\x80$\xBA\x02\x00\x02"
    "D\x00\x05priceL\x00\x04"
    "disht\x00\x12Ljava/lang/String;xp@\x04\x00\x00\x00\x00\x00\x00t\x00\x04rice"s;
const std::string java_seven =
    "\xAC\xED\x00\x05sr\x00\x11java.lang.Integer\x12\xE2\xA0\xA4\xF7\x81\x87"
    "8\x02\x00\x01I\x00\x05valuexr\x00\x10java.lang.Number\x86\xAC\x95\x1D\x0B\x94\xE0\x8B\x02\x00\x00xp\x00\x00\x00\x07"s;

TEST(StreamEntry, IsReadAsTheScriptWritesIt) {
    const std::string text = "1700000000000-3\n7:payload8:{\"id\":1}1:a0:";
    const auto e = read_stream_entry(text);
    ASSERT_TRUE(e);
    EXPECT_EQ(e->id, "1700000000000-3");
    ASSERT_EQ(e->fields.size(), 2U);
    EXPECT_EQ(e->fields[0].second, "{\"id\":1}");
    EXPECT_EQ(e->fields[1].second, "");
    for (const auto* bad :
         {"1-1", "1-1\n7", "1-1\n7:short", "1-1\n1:a", "1-1\n-1:a1:b", "1-1\n18446744073709551616:a1:b", "1-1\nx:a1:b"}) {
        EXPECT_FALSE(read_stream_entry(bad)) << bad;
    }
}

TEST(StreamEntry, AFieldIsFoundWhicheverSerializerWroteItsName) {
    for (const auto& name : {"payload"s, java_text("payload"), "\"payload\""s, java_byte_array("payload")}) {
        const stream_entry e{"1-1", {{"other", "x"}, {name, "value"}}};
        EXPECT_THAT(field_of(e, "payload"), Optional(std::string_view("value")));
        EXPECT_FALSE(field_of(e, "none"));
    }
    const auto bytes = java_byte_array("value");
    EXPECT_THAT(field_of({"1-1", {{"payload", bytes}}}, "payload"), Optional(std::string_view("value")))
        << "a byte[] is what is in it";
}

TEST(StreamEntry, AMapRecordIsItsFields) {
    EXPECT_EQ(json_of({{"userId", "42"}, {"payload", R"({"id":1})"}, {"text", "hi \"you\""}, {"a.b", ""}}),
              R"({"userId":"42","payload":{"id":1},"text":"hi \"you\"","a.b":""})")
        << "text that is a number stays text, and a name with a dot is one";
    EXPECT_EQ(json_of({{"userId", "\"42\""}, {"n", "7"}, {"payload", R"({"@class":"com.example.Item","dish":"rice"})"}}),
              R"({"userId":"42","n":7,"payload":{"dish":"rice"}})")
        << "a serializer that writes JSON";
    EXPECT_EQ(json_of({{java_text("userId"), java_text("42")},
                       {java_text("n"), java_seven},
                       {java_text("payload"), java_item},
                       {java_text("json"), java_text(R"([1])")}}),
              R"({"userId":"42","n":7,"payload":{"price":2.5,"dish":"rice"},"json":[1]})");
}

TEST(StreamEntry, AnObjectOfTheObjectHashMapperIsOneAgain) {
    const std::vector<std::pair<std::string, std::string>> fields{{"_class", "com.example.orders.Write$Order"},
                                                                  {"address.city", "杭州"},
                                                                  {"any._class", "com.example.orders.Write$Address"},
                                                                  {"any.zip", "310000"},
                                                                  {"byName.[x].dish", "y"},
                                                                  {"bytes", "\x01\x02\xC8"},
                                                                  {"extra.[k.1]", "v"},
                                                                  {"items.[0].dish", "鱼香肉丝"},
                                                                  {"items.[1].dish", "rice"},
                                                                  {"paid", "1"},
                                                                  {"tags.[0]", "a"},
                                                                  {"tags.[1]", "b"}};
    const auto* plain =
        R"({"address":{"city":"杭州"},"any":{"zip":"310000"},"byName":{"x":{"dish":"y"}},"bytes":"AQLI","extra":{"k.1":"v"},)"
        R"("items":[{"dish":"鱼香肉丝"},{"dish":"rice"}],"paid":"1","tags":["a","b"]})";
    EXPECT_EQ(json_of(fields), plain);
    auto written = fields;
    for (auto& [name, value] : written) {
        name = java_byte_array(name);
        value = java_byte_array(value);
    }
    EXPECT_EQ(json_of(written), plain) << "RedisTemplate's own serializer, over the mapper's bytes";
    written = fields;
    for (auto& [name, value] : written) {
        value = '"' + base64_encode(value) + '"';
    }
    EXPECT_EQ(json_of(written), plain) << "a serializer that writes JSON";
    for (auto& [name, value] : written) {
        name = '"' + base64_encode(name) + '"';
    }
    EXPECT_EQ(json_of(written), plain) << "names too";
}

TEST(StreamEntry, AnObjectOfTheJacksonHashMapperIsOneAgain) {
    EXPECT_EQ(json_of({{"items[1].dish", "\"rice\""},
                       {"items[1].@class", "\"com.example.Item\""},
                       {"items[0].price", "28.0"},
                       {"id", "1001"},
                       {"paid", "true"},
                       {"@class", "\"com.example.Order\""},
                       {"address.city", "\"杭州\""}}),
              R"({"items":[{"price":28.0},{"dish":"rice"}],"id":1001,"paid":true,"address":{"city":"杭州"}})");
    EXPECT_EQ(json_of({{"@class", "\"com.example.Order\""},
                       {"id", R"(["java.util.ArrayList",["java.lang.Long",["java.lang.Long",1001]]])"},
                       {"address", R"({"@class":"java.util.LinkedHashMap","@class":"com.example.Address","zip":310000})"},
                       {"local", R"(["java.util.ArrayList",["java.time.LocalDateTime","2024-01-02T03:04:05"]])"}}),
              R"({"id":1001,"address":{"zip":310000},"local":"2024-01-02T03:04:05"})")
        << "not flattened, and serialized with types once more";
    EXPECT_EQ(json_of({{java_text("@class"), java_text("com.example.Order")}, {java_text("n[0]"), java_seven}}),
              R"({"n":[7]})");
}

TEST(StreamEntry, WhatIsNoPathStaysAName) {
    EXPECT_EQ(json_of({{"@class", "a.B"}, {"a", "x"}, {"a.b", "y"}}), R"({"@class":"a.B","a":"x","a.b":"y"})")
        << "they do not fit together";
    EXPECT_EQ(json_of({{"@class", "a.B"}, {"a.", "x"}, {"[b", "y"}, {"c[]", "z"}, {"d[0]e", "w"}}),
              R"({"a.":"x","[b":"y","c[]":"z","d[0]e":"w"})");
    EXPECT_EQ(json_of({{"@class", "a.B"}, {"l[0]", "x"}, {"l[99999999]", "y"}}), R"({"l":{"0":"x","99999999":"y"}})")
        << "no huge array";
    std::string deep = "a";
    for (int i = 0; i < 70; ++i) {
        deep += ".a";
    }
    EXPECT_EQ(json_of({{"@class", "a.B"}, {deep, "x"}}), "problem: too_deep");
}

TEST(StreamEntry, WhatCannotBeReadSaysWhy) {
    EXPECT_EQ(json_of({{"a", "\xC1\xFF\x00\x02"s}}), "problem: unknown_binary");
    EXPECT_EQ(json_of({{"\xFF", "x"}}), "problem: not_utf8");
    EXPECT_EQ(json_of({{"a", "\xAC\xED\x00\x05"s}}), "problem: truncated");
}

TEST(StreamEntry, IsDescribedWithItsIdForWhatWasRejected) {
    EXPECT_EQ(describe_entry({"1-1", {{"a", "x\"y"}, {"b", "\xFF"}}}),
              R"({"id":"1-1","fields":{"a":"x\"y"},"base64":{"b":"/w=="}})");
}

}  // namespace
}  // namespace wsidecar::proto
