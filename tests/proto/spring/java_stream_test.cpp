// Java streams against what their objects were: samples/ and generated/ come with the JSON that was worked out from the live
// objects (generated/ by Generate.java), hostile/ and the streams made here with the reason why they are refused.

#include "proto/spring/java_stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>

#include "proto/json/json_scan.hpp"
#include "proto/spring/java_json.hpp"
#include "proto/text/utf8.hpp"

namespace wsidecar::proto {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

const fs::path folder = fs::path(WSIDECAR_SOURCE_DIR) / "tests/proto/java";

std::string read(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// The streams of a folder by name, in a fixed order.
std::map<std::string, std::string> streams(const std::string& sub) {
    std::map<std::string, std::string> out;
    for (const auto& entry : fs::directory_iterator(folder / sub)) {
        if (entry.path().extension() == ".bin") {
            out[sub + "/" + entry.path().stem().string()] = read(entry.path());
        }
    }
    return out;
}

/// Those that have JSON beside them.
std::map<std::string, std::string> samples() {
    auto out = streams("samples");
    out.merge(streams("generated"));
    std::erase_if(out, [](const auto& s) { return s.first.find("/hostile_") != std::string::npos; });
    return out;
}

std::string json_of(const std::string& name) {
    auto text = read(folder / (name + ".json"));
    if (text.ends_with('\n')) {
        text.pop_back();
    }
    return text;
}

std::string reason(const std::string& stream, const java_limits& limits = {}) {
    const auto json = java_to_json(stream, {}, limits);
    return json ? "taken: " + json->substr(0, 200) : json.error().reason;
}

std::string decoded(const std::string& stream, const java_json_options& options = {}) {
    const auto json = java_to_json(stream, options);
    return json ? *json : "refused: "s + json.error().reason + " " + json.error().class_name;
}

const std::string header = "\xAC\xED\x00\x05"s;

std::string be(std::uint64_t n, int bytes) {
    std::string out;
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
        out += static_cast<char>(n >> static_cast<unsigned>(shift) & 0xFFU);
    }
    return out;
}

std::string utf(const std::string& s) {
    return be(s.size(), 2) + s;
}

std::string str(const std::string& s) {
    return "t" + utf(s);
}

std::string ref(std::uint32_t handle) {
    return "q" + be(0x7E0000 + handle, 4);
}

/// A class descriptor up to its superclass; a field is its type code and name, with its type as it is on the wire.
std::string desc(const std::string& name, int flags, const std::vector<std::string>& fields = {}) {
    std::string out = "r" + utf(name) + be(1, 8) + be(static_cast<unsigned>(flags), 1) + be(fields.size(), 2);
    for (const auto& f : fields) {
        out += f;
    }
    return out + "x";
}

std::string int_field(const std::string& name) {
    return "I" + utf(name);
}

std::string object_field(const std::string& name) {
    return "L" + utf(name) + str("Ljava/lang/Object;");
}

/// An object of a class without superclass: its data is to follow.
std::string object(const std::string& name, int flags, const std::vector<std::string>& fields = {}) {
    return "s" + desc(name, flags, fields) + "p";
}

TEST(JavaStream, SamplesBecomeTheJsonOfTheirObjects) {
    const auto all = samples();
    ASSERT_GE(all.size(), 64U);
    for (const auto& [name, stream] : all) {
        const auto json = java_to_json(stream);
        ASSERT_TRUE(json) << name << ": " << json.error().reason << " at " << json.error().offset;
        EXPECT_EQ(*json, json_of(name)) << name;
        EXPECT_TRUE(valid_utf8(*json)) << name;
    }
}

TEST(JavaStream, HostileStreamsAreRefusedWithTheirReason) {
    const std::map<std::string, std::string> reasons{
        {"hostile/array_huge_len", "array_too_long"},
        {"hostile/bad_magic", "not_java"},
        {"hostile/classdesc_truncated", "truncated"},
        {"hostile/dynamic_proxy", "dynamic_proxy"},
        {"hostile/externalizable_unknown", "externalizable"},
        {"hostile/header_only", "truncated"},
        {"hostile/longstring_huge_len", "truncated"},
        {"hostile/superclass_self_cycle", "class_cycle"},
        {"hostile/trailing_second_object", "trailing_bytes"},
        {"generated/hostile_big_integer", "number_too_long"},
        {"generated/hostile_billion_laughs", "too_many_objects"},
        {"generated/hostile_copies", "array_too_long"},
        {"generated/hostile_custom_write_object", "written_by_class"},
        {"generated/hostile_externalizable", "externalizable"},
        {"generated/hostile_instead_of_fields", "written_by_class"},
        {"generated/hostile_instead_of_text", "written_by_class"},
        {"generated/hostile_lambda", "lambda"},
        {"generated/hostile_primitive_data", "bad_type_code"},
        {"generated/hostile_protocol_1", "old_protocol"},
        {"generated/hostile_proxy_within", "dynamic_proxy"},
        {"generated/hostile_writer_failed", "exception"},
    };
    auto all = streams("hostile");
    all.merge(streams("generated"));
    std::erase_if(all, [](const auto& s) { return s.first.find("hostile") == std::string::npos; });
    EXPECT_EQ(all.size(), reasons.size());
    for (const auto& [name, stream] : all) {
        EXPECT_EQ(reason(stream), reasons.contains(name) ? reasons.at(name) : "") << name;
    }
}

const std::string json_node = "com.fasterxml.jackson.databind.node.NodeSerialization";

TEST(JavaStream, JsonObjectsOfLibrariesAreWhatTheyHold) {
    const std::string text = R"({"to":"7","l":[1,2]})";
    EXPECT_EQ(decoded(header + object(json_node, 12) + "w" + be(4 + text.size(), 1) + be(text.size(), 4) + text + "x"), text);
    const std::string map = object("java.util.HashMap", 3) + "w" + be(8, 1) + be(0, 8) + str("a") + str("b") + "x";
    const std::string held = R"({"a":"b"})";
    for (const auto& [name, field] : {std::pair<std::string, std::string>{"com.alibaba.fastjson.JSONObject", "map"},
                                      {"org.json.JSONObject", "map"},
                                      {"net.sf.json.JSONObject", "properties"},
                                      {"cn.hutool.json.JSONObject", "rawHashMap"}}) {
        EXPECT_EQ(decoded(header + object(name, 2, {object_field(field)}) + map), held) << name;
    }
    // Hutool since 5.8: the map stands in a superclass, as a field or written behind it.
    const auto hutool = [](int flags, const std::vector<std::string>& fields) {
        return header + "s" + desc("cn.hutool.json.JSONObject", 2) + desc("cn.hutool.core.map.MapWrapper", flags, fields) + "p";
    };
    EXPECT_EQ(decoded(hutool(2, {object_field("raw")}) + map), held);
    EXPECT_EQ(decoded(hutool(3, {}) + map + "x"), held);
    EXPECT_EQ(decoded(header + object("cn.hutool.json.JSONNull", 2)), "null");
}

TEST(JavaStream, CollectionsThatSayNothingByTheirFieldsAreStillCollections) {
    EXPECT_EQ(decoded(header + object("kotlin.collections.EmptyList", 2)), "[]");
    EXPECT_EQ(decoded(header + object("kotlin.collections.EmptyMap", 2)), "{}");
    const std::string list = object("kotlin.collections.builders.SerializedCollection", 12);
    EXPECT_EQ(decoded(header + list + "w\x05" + be(0, 1) + be(2, 4) + str("a") + str("b") + "x"), R"(["a","b"])");
    const std::string map = object("kotlin.collections.builders.SerializedMap", 12);
    EXPECT_EQ(decoded(header + map + "w\x05" + be(0, 1) + be(1, 4) + str("a") + str("b") + "x"), R"({"a":"b"})");
    EXPECT_EQ(decoded(header + object("java.io.File", 3, {object_field("path")}) + str("/tmp") + "w\x02" + be('/', 2) + "x"),
              "\"/tmp\"");
}

TEST(JavaStream, MadeStreamsAreRefusedWithTheirReason) {
    std::string deep_arrays = header + "u" + desc("[[I", 2) + "p" + be(1, 4);
    std::string deep_classes = header + "s";
    for (int i = 0; i < 4'000; ++i) {
        deep_arrays += "u" + ref(0) + be(1, 4);
        deep_classes += desc("C" + std::to_string(i), 2);
    }
    const std::vector<std::string> two_classes{object_field("a"), object_field("b")};
    const std::vector<std::pair<std::string, std::string>> table{
        {"", "not_java"},
        {"\xAC\xED\x00"s, "not_java"},
        {"{\"json\":1}", "not_java"},
        {header + "\x79\x79", "truncated"},
        {header + "q" + be(0x7E0000, 4), "bad_handle"},
        {header + "q" + be(0, 4), "bad_handle"},
        {header + "x", "bad_type_code"},
        {header + "\x80", "bad_type_code"},
        {header + "w\x01z", "bad_type_code"},
        {header + "{", "exception"},
        {header + "t" + be(2, 2) + "\xC0 ", "bad_utf"},
        {header + "t" + be(4, 2) + "\xF0\x9F\x98\x80", "bad_utf"},
        {header + "t" + be(3, 2) + "ab", "truncated"},
        {header + "sp", "bad_class"},
        {header + "up" + be(0, 4), "bad_class"},
        {header + "~p" + str("X"), "bad_class"},
        {header + "vp", "bad_class"},
        {header + object("A", 0), "bad_class"},
        {header + object("A", 2 | 4 | 8), "bad_class"},
        {header + object("A", 4), "old_protocol"},
        {header + "u" + desc("A", 2) + "p" + be(0, 4), "bad_class"},
        {header + "u" + desc("[", 2) + "p" + be(0, 4), "bad_class"},
        {header + "u" + desc("[Q", 2) + "p" + be(0, 4), "bad_class"},
        {header + "u" + desc("[I", 2) + "p" + be(0xFFFFFFFF, 4), "bad_length"},
        {header + "u" + desc("[J", 2) + "p" + be(100'000, 4), "truncated"},
        {header + "u" + desc("[LA;", 2) + "p" + be(100'000, 4), "truncated"},
        {header + object("A", 3) + "z" + be(0x80000000, 4), "bad_length"},
        {header + object("A", 3) + "z" + be(0x7FFFFFFF, 4), "truncated"},
        {header + object("A", 3) + "yx", "bad_type_code"},
        {header + object("A", 2, {"V" + utf("v")}), "bad_field"},
        {header + object("A", 2, {object_field("o"), int_field("i")}), "bad_field"},
        {header + object("A", 2, {"L" + utf("o") + "p"}), "bad_type_code"},
        {header + object("A", 2, {"L" + utf("o") + ref(0)}), "bad_handle"},
        {header + "~" + desc("E", 18) + "p" + ref(0), "bad_handle"},
        {header + "s" + desc("A", 2) + desc("B", 2) + ref(0), "class_cycle"},
        {header + "s" + desc("A", 2, {object_field("o")}) + ref(1), "bad_handle"},
        {header + "s}" + be(1, 4) + utf("java.lang.Runnable") + "xp", "dynamic_proxy"},
        {deep_arrays, "too_deep"},
        {deep_classes, "too_deep"},
        {header + object("java.lang.Integer", 2) + "", "bad_known_class"},
        {header + object("java.lang.Integer", 2, {object_field("value")}), "truncated"},
        {header + object("java.util.Date", 3) + "w\x04\x01\x02\x03\x04x", "bad_known_class"},
        {header + object("java.util.HashMap", 3) + str("k") + "x", "bad_known_class"},
        {header + object("java.util.TreeSet", 3) + "x", "bad_known_class"},
        {header + object("java.util.CollSer", 3, {int_field("tag")}) + be(9, 4) + "x", "bad_known_class"},
        {header + object("java.util.Collections$SetFromMap", 2, {object_field("m")}) + ref(2), "bad_known_class"},
        {header + object("java.util.Vector", 2, {int_field("elementCount"), object_field("elementData")}) + be(1, 4) + "p",
         "bad_known_class"},
        {header + object("java.math.BigDecimal", 2, {int_field("scale"), object_field("intVal")}) + be(1, 4) + str("1"),
         "bad_known_class"},
        {header + object("java.time.Ser", 12) + "w\x03\x03\x00\x00x"s, "bad_known_class"},
        {header + object("com.example.Outside", 12) + "w\x01zx", "externalizable"},
        {header + object("com.example.Custom", 3) + "w\x01zx", "written_by_class"},
        {header + object("com.example.Custom", 3) + str("a") + "x", "written_by_class"},
        {header + object("com.example.Custom", 3, {int_field("i")}) + be(1, 4) + "w\x01zx", "written_by_class"},
        {header + object("java.util.HashMap", 3) + str("k") + object("com.example.Outside", 12) + "w\x01zx" + "x",
         "externalizable"},
        {header + object(json_node, 12) + "w\x02{}x", "bad_known_class"},
        {header + object(json_node, 12) + "w" + be(5, 1) + be(2, 4) + "{x", "bad_known_class"},
        {header + object(json_node, 12) + "w" + be(6, 1) + be(2, 4) + "{:x", "bad_known_class"},
    };
    for (std::size_t i = 0; i < table.size(); ++i) {
        EXPECT_EQ(reason(table[i].first), table[i].second) << "row " << i;
    }
}

TEST(JavaStream, ProblemsSayWhereAndInWhichClass) {
    const auto end = parse_java(header + object("com.example.A", 2, {int_field("i")}) + "\x01");
    ASSERT_FALSE(end);
    EXPECT_STREQ(end.error().reason, "truncated");
    EXPECT_EQ(end.error().offset, 38U);
    EXPECT_EQ(end.error().class_name, "com.example.A");

    const auto inner = object("java.util.Date", 3) + "x";
    const auto within = java_to_json(header + object("com.example.A", 2, {object_field("o")}) + inner);
    ASSERT_FALSE(within);
    EXPECT_STREQ(within.error().reason, "bad_known_class");
    EXPECT_EQ(within.error().offset, header.size() + object("com.example.A", 2, {object_field("o")}).size());
    EXPECT_EQ(within.error().class_name, "java.util.Date");

    const auto long_name = parse_java(header + object(std::string(255, 'a') + "\n\xC3\xA4", 2, {int_field("i")}));
    ASSERT_FALSE(long_name);
    EXPECT_EQ(long_name.error().class_name, std::string(255, 'a') + "?");
    EXPECT_EQ(printable_class_name(std::string(255, 'a') + "\xC3\xA4"), std::string(255, 'a'));
}

TEST(JavaStream, LimitsAreTheCallers) {
    const auto list = read(folder / "samples/43_two_hundred_messages.bin");
    const auto with = [&](auto member, std::size_t n) {
        java_limits limits;
        limits.*member = n;
        return reason(list, limits);
    };
    EXPECT_EQ(with(&java_limits::message, 13'000), "message_too_big");
    EXPECT_EQ(with(&java_limits::depth, 2), "too_deep");
    EXPECT_EQ(with(&java_limits::handles, 100), "too_many_handles");
    EXPECT_EQ(with(&java_limits::classes, 3), "too_many_classes");
    EXPECT_EQ(with(&java_limits::fields, 3), "too_many_fields");
    EXPECT_EQ(with(&java_limits::json, 1'000), "json_too_big");
    EXPECT_EQ(with(&java_limits::objects, 100), "too_many_objects");
    java_limits few;
    few.array = 2;
    EXPECT_EQ(reason(header + "u" + desc("[Z", 2) + "p" + be(3, 4) + "abc", few), "array_too_long");
    EXPECT_EQ(reason(header + "u" + desc("[Z", 2) + "p" + be(2, 4) + "ab", few), "taken: [true,true]");
}

TEST(JavaStream, NestingAtTheLimitIsJsonThatOtherReadersTake) {
    const auto nested = [](int levels) {
        std::string out = header + "u" + desc("[[I", 2) + "p" + be(levels > 1 ? 1 : 0, 4);
        for (int i = 2; i <= levels; ++i) {
            out += "u" + ref(0) + be(i < levels ? 1 : 0, 4);
        }
        return out;
    };
    EXPECT_TRUE(json_container(decoded(nested(64))));
    EXPECT_EQ(reason(nested(65)), "too_deep");
}

// References may nest deeper than the stream does, and branch.
TEST(JavaStream, WhatReferencesMakeIsBoundedToo) {
    const auto chained = [](int arrays, int width) {
        std::string out = header + "u" + desc("[[I", 2) + "p" + be(static_cast<unsigned>(arrays), 4);
        for (int i = 0; i < arrays; ++i) {  // handles: 0 class, 1 the outer array, 2... the others
            out += "u" + ref(0) + be(i == 0 ? 0 : static_cast<unsigned>(width), 4);
            for (int w = 0; i > 0 && w < width; ++w) {
                out += ref(static_cast<std::uint32_t>(i + 1));
            }
        }
        return out;
    };
    EXPECT_EQ(reason(chained(70, 1)), "too_deep");
    EXPECT_EQ(reason(chained(40, 2)), "too_many_objects");
    java_limits limits;
    limits.objects = 1'000'000;
    EXPECT_EQ(reason(chained(40, 2), limits), "json_too_big");
    EXPECT_EQ(decoded(chained(3, 2)), "[[],[[],[]],[[[],[]],[[],[]]]]");
}

// A shared object is copied where it would come out the same, and only there.
TEST(JavaStream, SharedObjectsAreWrittenInFullWhereverTheyStand) {
    const std::vector<std::string> fields{object_field("x"), object_field("y")};
    const auto list = header + "u" + desc("[LP;", 2) + "p" + be(3, 4);  // handles: 0 its class, 1 the array
    const auto a = object("P", 2, fields);                              // 2 the class, 3 a type's name, 4 another, 5 a
    const auto b = "s" + ref(2);                                        // 6 b
    EXPECT_EQ(decoded(list + a + b + "pp" + ref(6) + ref(5) + ref(6)),
              R"([{"x":{"x":null,"y":null},"y":{"x":null,"y":null}},{"x":{"x":null,"y":null},"y":{"x":null,"y":null}},)"
              R"({"x":null,"y":null}])");
    // b refers back to a: within a it ends there, by itself it does not
    EXPECT_EQ(decoded(list + a + b + ref(5) + "p" + ref(6) + ref(6) + "p"),
              R"([{"x":{"x":null,"y":null},"y":{"x":null,"y":null}},{"x":{"x":null,"y":null},"y":null},null])");
    // b is first written in a key, where quotes are escaped
    const auto map = "s" + desc("java.util.HashMap", 3) + "p";
    EXPECT_EQ(decoded(header + map + a + "pp" + ref(5) + "x"), R"({"{\"x\":null,\"y\":null}":{"x":null,"y":null}})");
}

TEST(JavaStream, WhatIsCopiedCountsAgainstTheLimits) {
    const std::string shared = "u" + ref(0) + be(1, 4) + "u" + ref(0) + be(0, 4);  // [[]], handles 2 and 3
    const auto twice = header + "u" + desc("[[I", 2) + "p" + be(2, 4) + shared + ref(2);
    java_limits limits;
    limits.objects = 5;
    limits.depth = 3;
    limits.json = std::string_view("[[[]],[[]]]").size();
    EXPECT_EQ(reason(twice, limits), "taken: [[[]],[[]]]");
    --limits.objects;
    EXPECT_EQ(reason(twice, limits), "too_many_objects");
    ++limits.objects;
    --limits.json;
    EXPECT_EQ(reason(twice, limits), "json_too_big");
    const auto deeper = header + "u" + desc("[[I", 2) + "p" + be(2, 4) + shared + "u" + ref(0) + be(1, 4) + ref(2);
    limits = {};
    limits.depth = 4;
    EXPECT_EQ(reason(deeper, limits), "taken: [[[]],[[[]]]]");
    --limits.depth;
    EXPECT_EQ(reason(deeper, limits), "too_deep");
}

TEST(JavaStream, EscapingsOfEscapingsAreBounded) {
    std::string stream = header;
    for (int i = 0; i < 50; ++i) {  // a map whose key is a map whose key ...
        stream += i == 0 ? object("java.util.HashMap", 3) : "s" + ref(0);
    }
    stream += str("\"");
    for (int i = 0; i < 50; ++i) {
        stream += str("v") + "x";
    }
    EXPECT_EQ(reason(stream), "json_too_big");
}

TEST(JavaStream, EveryPrefixIsRefused) {
    for (const auto& [name, stream] : samples()) {
        for (std::size_t n = 0; n < std::min<std::size_t>(stream.size(), 1'500); ++n) {
            ASSERT_FALSE(parse_java(std::string_view(stream).substr(0, n))) << name << " cut at " << n;
        }
    }
}

TEST(JavaStream, LongsAndDatesMayBeText) {
    const java_json_options options{java_longs::string, java_dates::iso};
    EXPECT_EQ(decoded(read(folder / "generated/user_notice.bin"), options),
              R"({"level":42,"read":true,"title":"t42","userId":"42"})");
    EXPECT_EQ(decoded(read(folder / "generated/dates.bin"), options),
              R"(["2018-10-22T01:30:00.123+00:00","1970-01-01T00:00:00.000+00:00","1969-12-31T23:59:59.999+00:00",)"
              R"("+292278994-08-17T07:12:55.807+00:00","-292275055-05-16T16:47:04.192+00:00","1970-01-02T00:00:00.000+00:00",)"
              R"("1970-01-01T01:00:00.000+00:00","2018-10-22T01:30:00.123+00:00","1969-12-31T23:59:59.123+00:00",)"
              R"("2018-10-22T01:30:00.123+00:00"])");
    EXPECT_TRUE(decoded(read(folder / "generated/arrays.bin"), options)
                    .ends_with(R"("j":["-9223372036854775808","9223372036854775807"],"oo":[1,"x",[7]],"s":[-1],)"
                               R"("ss":["a",null],"z":[true,false]})"));
    EXPECT_TRUE(decoded(read(folder / "generated/big_numbers.bin"), options).starts_with(R"(["0","-1","123456789)"));
}

// A subclass may have a field of the same name: JSON has one.
TEST(JavaStream, NamesStandOnceInAnObject) {
    const auto same = object("A", 2, {int_field("i"), int_field("j"), int_field("i")}) + be(1, 4) + be(2, 4) + be(3, 4);
    EXPECT_EQ(decoded(header + same), R"({"j":2,"i":3})");
}

TEST(JavaStream, PiecesOfABlockAreOne) {
    EXPECT_EQ(decoded(header + object("java.util.Date", 3) + "w\x03\x00\x00\x00w\x00z"s + be(5, 4) + "\x00\x00\x00\x00\x07x"s),
              "7");
}

TEST(JavaStream, ObjectsWithManyFieldsAreReadLikeThoseWithFew) {
    for (const int count : {64, 65, 300}) {
        std::vector<std::string> fields;
        std::string data;
        std::string json;
        for (int i = 0; i < count; ++i) {
            fields.push_back(int_field(i == count - 1 ? "f0" : "f" + std::to_string(i)));  // the last hides the first
            data += be(static_cast<unsigned>(i), 4);
            json +=
                i == 0 ? "" : (i == 1 ? "{\"f" : ",\"f") + std::to_string(i == count - 1 ? 0 : i) + "\":" + std::to_string(i);
        }
        EXPECT_EQ(decoded(header + object("Wide", 2, fields) + data), json + '}');
    }
}

TEST(JavaStream, AClassIsItsName) {
    EXPECT_EQ(decoded(header + "v" + desc("com.example.A", 0) + "p"), "\"com.example.A\"");
    EXPECT_EQ(decoded(header + desc("com.example.A", 0) + "p"), "\"com.example.A\"");
    EXPECT_EQ(decoded(header + "y" + "u" + desc("[LA;", 2) + "p" + be(1, 4) + ref(0)), "[\"[LA;\"]");
}

TEST(JavaStream, AStringIsFoundAtTheRoot) {
    const auto document = parse_java(read(folder / "samples/05_key_websocket_list.bin"));
    ASSERT_TRUE(document);
    ASSERT_EQ(document->root.kind, java_kind::string);
    EXPECT_EQ(document->string(document->root), "websocket:msg:list");
}

TEST(JavaStream, StringsAreWrittenAsJavaDoes) {
    EXPECT_EQ(write_java_string("websocket:msg:list"), read(folder / "samples/05_key_websocket_list.bin"));
    const auto odd = "\0 \u00e4\u4e2d\U0001F600"s;
    EXPECT_EQ(write_java_string(odd), header + "t" + be(14, 2) + "\xC0\x80 \u00e4\u4e2d\xED\xA0\xBD\xED\xB8\x80");
    for (const auto& text : {odd, std::string(), std::string(0xFFFF, 'x'), std::string(0x10000, 'x')}) {
        const auto document = parse_java(write_java_string(text));
        ASSERT_TRUE(document);
        EXPECT_EQ(document->string(document->root), text);
    }
    EXPECT_EQ(write_java_string(std::string(0x10000, 'x')).substr(4, 9), "|" + be(0x10000, 8));
}

/// One to four changes of a kind that a broken or hostile writer would make.
void mutate(std::string& s, std::mt19937& random) {
    const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
    static constexpr unsigned char telling[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x0C, 0x70, 0x71, 0x72, 0x73, 0x74,
                                                0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x7C, 0x7D, 0x7E, 0x7F, 0xFF};
    for (auto changes = 1 + below(4); changes > 0 && !s.empty(); --changes) {
        const auto at = below(s.size());
        switch (below(6)) {
            case 0: s[at] = static_cast<char>(below(256)); break;
            case 1: s[at] = static_cast<char>(telling[below(std::size(telling))]); break;
            case 2: s.erase(at, 1 + below(8)); break;
            case 3: s.insert(at, 1 + below(4), static_cast<char>(telling[below(std::size(telling))])); break;
            case 4: s.insert(below(s.size()), s.substr(at, 1 + below(64))); break;
            default: s[at] = static_cast<char>(static_cast<unsigned char>(s[at]) ^ (1U << below(8))); break;
        }
    }
}

TEST(JavaStream, MutatedSamplesEndInJsonOrAProblem) {
    std::vector<std::string> all;
    for (const auto* sub : {"samples", "generated", "hostile"}) {
        for (auto& [name, stream] : streams(sub)) {
            all.push_back(std::move(stream));
        }
    }
    std::mt19937 random(20'181'022);
    java_limits limits;
    limits.json = 1 << 16;
    limits.objects = 10'000;
    std::size_t taken = 0;
    for (int i = 0; i < 20'000; ++i) {
        auto stream = all[static_cast<std::size_t>(i) % all.size()];
        mutate(stream, random);
        const auto json = java_to_json(stream, {}, limits);
        if (!json) {
            ASSERT_STRNE(json.error().reason, "");
            ASSERT_LE(json.error().offset, stream.size());
            ASSERT_LE(json.error().class_name.size(), 256U);
            continue;
        }
        ++taken;
        ASSERT_LE(json->size(), limits.json);
        ASSERT_TRUE(valid_utf8(*json));
        const bool container = json->front() == '[' || json->front() == '{';
        ASSERT_TRUE(json_container(container ? *json : '[' + *json + ']')) << *json;
    }
    EXPECT_GT(taken, 1'000U);
    EXPECT_LT(taken, 19'000U);
}

}  // namespace
}  // namespace wsidecar::proto
