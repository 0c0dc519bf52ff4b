#include "proto/spring/payload.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "proto/json/json_pointer.hpp"
#include "proto/text/utf8.hpp"

namespace wsidecar::proto {
namespace {

using namespace std::string_literals;

const std::string java = std::string(WSIDECAR_SOURCE_DIR) + "/tests/proto/java/redis/";

std::string file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    EXPECT_FALSE(text.str().empty()) << path;
    return text.str();
}

/// The last argument of the RESP command in a file: the payload.
std::string fixture(const std::string& name) {
    const auto command = file(java + name);
    std::string last;
    for (auto at = command.find("\r\n$"); at != std::string::npos;) {
        const auto size = std::stoul(command.substr(at + 3));
        const auto start = command.find("\r\n", at + 3) + 2;
        last = command.substr(start, size);
        at = command.find("\r\n$", start + size);
    }
    EXPECT_FALSE(last.empty()) << name;
    return last;
}

/// What the real decoder does with a string, and no more of it.
result<std::string> jdk_strings(std::string_view stream) {
    if (stream.size() < 7 || stream[4] != 't') {
        return problem{"bad_stream", ""};
    }
    std::string json = "\"";
    for (const char c : stream.substr(7)) {
        json += c == '"' || c == '\\' ? "\\"s + c : std::string(1, c);
    }
    return json + '"';
}

std::string jdk(const std::string& text) {
    return "\xAC\xED\x00\x05t\x00"s + static_cast<char>(text.size()) + text;
}

result<decoded_payload> decode(std::string_view bytes, payload_format format = payload_format::automatic) {
    return decode_payload(bytes, format, jdk_strings);
}

std::string reason(std::string_view bytes, payload_format format = payload_format::automatic) {
    const auto got = decode(bytes, format);
    return got ? "decoded" : got.error().reason;
}

struct detection {
    const char* sentence;
    std::string bytes;
    payload_format found;
    bool json;
    std::string text;
};

std::ostream& operator<<(std::ostream& out, const detection& row) {
    return out << row.sentence;
}

class Verbatim : public testing::TestWithParam<detection> {};

TEST_P(Verbatim, StaysByteForByte) {
    const auto& row = GetParam();
    const auto got = decode(row.bytes);
    ASSERT_TRUE(got) << got.error().reason;
    EXPECT_EQ(got->found, row.found);
    EXPECT_TRUE(got->verbatim);
    EXPECT_EQ(got->json, row.json);
    EXPECT_EQ(got->text, row.bytes);
}

detection text(const char* sentence, std::string bytes) {
    return {sentence, std::move(bytes), payload_format::text, false, {}};
}

detection json(const char* sentence, std::string bytes) {
    return {sentence, std::move(bytes), payload_format::json, true, {}};
}

INSTANTIATE_TEST_SUITE_P(Automatic, Verbatim,
                         testing::Values(text("plain text", "hello"),                                           //
                                         text("Chinese text", "hello 世界"),                                    //
                                         text("whitespace", " \r\n"),                                           //
                                         text("tabs and line ends", "a\tb\r\nc"),                               //
                                         text("text that begins like JSON", "[urgent] order 7"),                //
                                         text("braces", "{user} has joined"),                                   //
                                         text("a quotation", "\"yes\", she said"),                              //
                                         text("JSON that was cut off", R"({"a":1)"),                            //
                                         text("two JSON texts", "{}{}"),                                        //
                                         text("JSON behind a byte order mark", "\xEF\xBB\xBF{}"),               //
                                         text("lenient syntax without @type", "{id:1001L}"),                    //
                                         text("a name with @type in it", "mail@type: {id:1L}"),                 //
                                         text("a phone number", "007"),                                         //
                                         text("what could begin a class of Hessian", "C\nwww.qq.com is down"),  //
                                         text("and a map of it", "M\nwww.qq.com"),                              //
                                         json("an object", R"({"userId":42})"),                                 //
                                         json("escapes survive", R"({"c":"a\u003db\u0026"})"),                  //
                                         json("whitespace survives", "\n{ \"a\" : 12.50 }\r\n"),                //
                                         json("an escaped half of a character survives", R"({"c":"\ud83d"})"),  //
                                         json("an array", R"(["a","b"])"),                                      //
                                         json("an empty one", "[]"),                                            //
                                         json("a bare String[2]", R"(["a.C","x"])"),                            //
                                         json("@type is JSON-LD", R"({"@type":"Person","name":"x"})"),          //
                                         json("a number", "42"),                                                //
                                         json("a big number", "12345678901234567890.10"),                       //
                                         json("true", "true"),                                                  //
                                         json("null: the caller decides", "null")));

class Decoded : public testing::TestWithParam<detection> {};

TEST_P(Decoded, BecomesText) {
    const auto& row = GetParam();
    const auto got = decode(row.bytes);
    ASSERT_TRUE(got) << got.error().reason;
    EXPECT_EQ(got->found, row.found);
    EXPECT_FALSE(got->verbatim);
    EXPECT_EQ(got->json, row.json);
    EXPECT_EQ(got->text, row.text);
}

INSTANTIATE_TEST_SUITE_P(
    Automatic, Decoded,
    testing::Values(
        detection{"a string of JSON is its text", R"("hello")", payload_format::json, false, "hello"},
        detection{"whitespace around it does not matter", " \"hello\"\n", payload_format::json, false, "hello"},
        detection{"an empty one is empty text", R"("")", payload_format::json, false, ""},
        detection{"double encoded JSON", R"("{\"userId\":42,\"title\":\"hi\"}")", payload_format::json, true,
                  R"({"userId":42,"title":"hi"})"},
        detection{"is unwrapped once", R"("\"{}\"")", payload_format::json, true, R"("{}")"},
        detection{"its own escapes stay", R"("{\"c\":\"a\\u003db\"}")", payload_format::json, true, R"({"c":"a\u003db"})"},
        detection{"its types, too", R"("{\"@class\":\"x.A\"}")", payload_format::json, true, R"({"@class":"x.A"})"},
        detection{"double encoded null", R"("null")", payload_format::json, true, "null"},
        detection{"emoji in pairs", R"("\ud83d\ude00")", payload_format::json, false, "😀"},
        detection{"types of Jackson", R"({"@class":"com.example.A","id":1})", payload_format::jackson, true, R"({"id":1})"},
        detection{"wrappers of Jackson", R"(["com.example.A",{"at":["java.util.Date",0]}])", payload_format::jackson, true,
                  R"({"at":0})"},
        detection{"a wrapped string is its text", R"(["com.example.app.Status","NEW"])", payload_format::jackson, false, "NEW"},
        detection{"Spring's NullValue", R"({"@class":"org.springframework.cache.support.NullValue"})", payload_format::jackson,
                  true, "null"},
        detection{"fastjson", R"({"@type":"com.example.A","id":1001L})", payload_format::fastjson, true, R"({"id":1001})"},
        detection{"fastjson in a set", R"([Set[{"@type":"com.example.A"}]])", payload_format::fastjson, true, "[[{}]]"},
        detection{"a string of Java", jdk("hello"), payload_format::jdk, false, "hello"},
        detection{"JSON in a string of Java", jdk(R"({"a":"\u003d"})"), payload_format::jdk, true, R"({"a":"\u003d"})"}));

TEST(Payload, OfTheSeedsIsWhatTheirClientsSaw) {
    const std::string notice = R"({"userId":42,"title":"新通知","content":"a\u003db","level":1,"read":false})";
    const std::string messages =
        R"([{"id":1001,"title":"hi","content":"body","createdAt":1540171800123,"type":2,"status":"NEW"}])";
    const std::vector<std::tuple<const char*, payload_format, bool, std::string>> table = {
        {"seed000_publish_string.resp", payload_format::json, true, notice},
        {"seed000_publish_jdkstring.resp", payload_format::jdk, false, notice},
        {"seed001_publish_jackson_hello.resp", payload_format::json, false, "hello"},
        {"seed001_publish_jdk_hello.resp", payload_format::jdk, false, "hello"},
        {"seed001_publish_string_hello.resp", payload_format::text, true, "hello"},
        {"seed001_publish_table_group.resp", payload_format::json, true,
         R"({"tableId":"T8","from":"u1","dish":"鱼香肉丝","count":2})"},
        {"seed002_publish_text.resp", payload_format::text, true, "hello 世界"},
        {"seed003_publish_jackson_wrapper.resp", payload_format::jackson, false,
         R"({"userLdap":"zhangsan","messageVOS":)" + messages + "}"},
        {"seed004_lpush_string.resp", payload_format::json, true,
         R"({"to":"bob","destination":"/queue/msg","payload":{"id":1,"text":"hi"}})"},
        {"seed004_lpush_jdk_key_and_value.resp", payload_format::jdk, false,
         R"({"to":"bob","destination":"/queue/msg","payload":{"id":2,"text":"hi"}})"},
    };
    for (const auto& [name, found, verbatim, expected] : table) {
        const auto got = decode(fixture(name));
        ASSERT_TRUE(got) << name << ": " << got.error().reason;
        EXPECT_EQ(got->found, found) << name;
        EXPECT_EQ(got->verbatim, verbatim) << name;
        EXPECT_EQ(got->text, expected) << name;
    }
    const auto typed = decode(fixture("seed003_publish_jackson_wrapper.resp"));
    EXPECT_EQ(find_pointer(typed->text, "/messageVOS"), messages);
    EXPECT_EQ(find_all(typed->text, "/messageVOS/*/id"), std::vector<std::string_view>{"1001"});
}

TEST(Payload, OfAVoWrittenByJavaGoesToTheInjectedDecoder) {
    const auto stream = fixture("seed003_publish_jdk_pushmessagevo.resp");
    std::string seen;
    const auto got = decode_payload(stream, payload_format::automatic, [&](std::string_view bytes) -> result<std::string> {
        seen = bytes;
        return std::string(R"({"userLdap":"zhangsan"})");
    });
    EXPECT_EQ(seen, stream);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->found, payload_format::jdk);
    EXPECT_TRUE(got->json);
    EXPECT_EQ(got->text, R"({"userLdap":"zhangsan"})");
    EXPECT_EQ(reason(stream), "bad_stream") << "its reasons are handed on";
    EXPECT_STREQ(decode_payload(stream, payload_format::automatic, {}).error().reason, "no_jdk_decoder");
}

TEST(Payload, OfAnExplicitFormatIsTakenAsThat) {
    struct row {
        const char* sentence;
        payload_format format;
        std::string bytes;
        bool verbatim;
        bool json;
        std::string text;
    };
    const std::string typed = R"(["com.example.A",{"id":1}])";
    const std::string flat = R"({"@type":"x.A","id":1})";
    const std::vector<row> table = {
        {"text is not looked into", payload_format::text, R"({"@class":"x.A"})", true, false, R"({"@class":"x.A"})"},
        {"a string of JSON is text with quotes then", payload_format::text, "\"hello\"", true, false, "\"hello\""},
        {"a byte order mark is text", payload_format::text, "\xEF\xBB\xBFhi", true, false, "\xEF\xBB\xBFhi"},
        {"json is never unwrapped", payload_format::json, typed, true, true, typed},
        {"nor is a string", payload_format::json, R"("{}")", true, true, R"("{}")"},
        {"jackson is", payload_format::jackson, typed, false, true, R"({"id":1})"},
        {"with scalar wrappers alone", payload_format::jackson, R"({"at":["java.util.Date",0]})", false, true, R"({"at":0})"},
        {"and stays as it is without types", payload_format::jackson, R"({ "id": 1 })", true, true, R"({ "id": 1 })"},
        {"strings were written by it as well", payload_format::jackson, R"("{\"a\":1}")", false, true, R"({"a":1})"},
        {"fastjson may be plain JSON", payload_format::fastjson, R"({ "id": 1 })", true, true, R"({ "id": 1 })"},
        {"or JSON with types", payload_format::fastjson, flat, false, true, R"({"id":1})"},
        {"or one string", payload_format::fastjson, "'hi'", false, false, "hi"},
        {"or one long", payload_format::fastjson, "1001L", false, true, "1001"},
        {"jdk", payload_format::jdk, jdk("[1]"), false, true, "[1]"},
    };
    for (const auto& r : table) {
        const auto got = decode(r.bytes, r.format);
        ASSERT_TRUE(got) << r.sentence << ": " << got.error().reason;
        EXPECT_EQ(got->found, r.format) << r.sentence;
        EXPECT_EQ(got->verbatim, r.verbatim) << r.sentence;
        EXPECT_EQ(got->json, r.json) << r.sentence;
        EXPECT_EQ(got->text, r.text) << r.sentence;
    }
}

TEST(Payload, ThatIsNotOfItsExplicitFormatIsRefusedWithTheReason) {
    const std::vector<std::tuple<payload_format, std::string, const char*>> table = {
        {payload_format::json, "hello", "not_json"},
        {payload_format::json, "{id:1L}", "not_json"},
        {payload_format::json, "\xEF\xBB\xBF{}", "byte_order_mark"},
        {payload_format::json, std::string(65, '[') + std::string(65, ']'), "too_deep"},
        {payload_format::json, jdk("x"), "looks_like_jdk"},
        {payload_format::text, jdk("x"), "looks_like_jdk"},
        {payload_format::text, "\xC4\xE3\xBA\xC3", "not_utf8"},
        {payload_format::text, "\x01\x00\xFF"s, "unknown_binary"},
        {payload_format::jackson, "hello", "not_json"},
        {payload_format::jackson, "\xFF", "not_utf8"},
        {payload_format::jackson, R"("\ud83d")", "lone_surrogate"},
        {payload_format::fastjson, "hello", "not_fastjson"},
        {payload_format::fastjson, "\xEF\xBB\xBF{}", "byte_order_mark"},
        {payload_format::jdk, "hello", "not_jdk"},
        {payload_format::jdk, "\xAC\xED\x00\x04t"s, "not_jdk"},
    };
    for (const auto& [format, bytes, expected] : table) {
        EXPECT_EQ(reason(bytes, format), expected) << payload_format_name(format) << ": " << first_bytes(bytes);
    }
}

TEST(Payload, ThatIsBinaryIsRefusedWithWhatItLooksLike) {
    struct row {
        const char* sentence;
        std::string bytes;
        const char* reason;
    };
    const std::vector<row> table = {
        {"an object of Kryo", "\1\0com.example.push.MessageV\317\1\202hi"s, "looks_like_kryo"},
        {"one that is UTF-8 by accident", "\1\0com.example.V\317\200"s, "looks_like_kryo"},
        {"a string of Kryo says nothing", "\3hell\357", "unknown_binary"},
        {"an object of FST", "\0\1\032com.example.push.MessageVO\0"s, "looks_like_fst"},
        {"with a name in UTF", "\0\0\015com.example.A\377"s, "looks_like_fst"},
        {"a string of FST", "\374\5hello", "looks_like_fst"},
        {"Hessian 2 with its header", "H\2\0R\221"s, "looks_like_hessian"},
        {"a call", "c\1\0m\0\3add"s, "looks_like_hessian"},
        {"a reply", "r\1\0I"s, "looks_like_hessian"},
        {"the class of an object", "C\015com.example.A\221\2id`\351", "looks_like_hessian"},
        {"a longer class", "C0\042com.example.push.deep.in.MessageVO\221", "looks_like_hessian"},
        {"one longer than is said", "C0\041com.example.push.deep.in.MessageVO\221", "not_utf8"},
        {"a class of a draft", "O\235com.example.A\221\2id", "looks_like_hessian"},
        {"a typed map", "M\021java.util.TreeMap\2idZ", "looks_like_hessian"},
        {"Hessian 1, all ASCII", "Mt\0\015com.example.AS\0\2idI\0\0\0\1z"s, "looks_like_hessian"},
        {"protobuf", "\x08\x96\x01", "unknown_binary"},
        {"protobuf that is UTF-8", "\x0A\x05hello", "unknown_binary"},
        {"protobuf whose length is a vertical tab", "\x0A\x0Bhello world", "unknown_binary"},
        {"protobuf whose length is a form feed", "\x0A\x0Chello world!", "unknown_binary"},
        {"a string of JBoss Marshalling", "\x04>\x18{\"event\":\"orders/changed\"}", "looks_like_jboss"},
        {"a list of JBoss Marshalling", "\x04\x09\x3F\x00\xFFjava.util.ArrayList"s, "looks_like_jboss"},
        {"a terminal's colours", "\x1B[31mred", "unknown_binary"},
        {"NUL", "a\0b"s, "unknown_binary"},
        {"DEL", "a\x7F", "unknown_binary"},
        {"gzip", "\x1F\x8B\x08\x00"s, "looks_like_compressed"},
        {"zlib", "\x78\x9C\xCBH\xCD\xC9\xC9\x07\x00\x06,\x02\x15"s, "looks_like_compressed"},
        {"zlib at its fastest", "\x78\x01\xCBH\xCD\xC9\xC9\x07\x00\x06,\x02\x15"s, "looks_like_compressed"},
        {"LZ4's frame, which is no version of JBoss", "\x04\x22\x4D\x18\x64\x40\xA7\x05\x00\x00\x80hello"s,
         "looks_like_compressed"},
        {"LZ4's legacy frame", "\x02\x21\x4C\x18\x06\x00\x00\x00Phello"s, "looks_like_compressed"},
        {"lz4-java's blocks", "LZ4Block\x16\x05\x00\x00\x00\x05\x00\x00\x00hello"s, "looks_like_compressed"},
        {"Snappy's frames", "\xFF\x06\x00\x00sNaPpY\x01\x09\x00\x00hello"s, "looks_like_compressed"},
        {"snappy-java's stream", "\x82SNAPPY\x00\x00\x00\x00\x01"s, "looks_like_compressed"},
        {"Zstandard", "\x28\xB5\x2F\xFD\x24\x05\x29\x00\x00hello"s, "looks_like_compressed"},
        {"bzip2", "BZh91AY&SY\x19\x31\x65\x3D"s, "looks_like_compressed"},
        {"xz", "\xFD\x37zXZ\x00\x00\x04\xE6\xD6\xB4\x46"s, "looks_like_compressed"},
        {"a zip archive", "PK\x03\x04\x14\x00"s, "looks_like_compressed"},
        {"raw Snappy of four bytes, which is no version of JBoss", "\x04\x0Ctext"s, "unknown_binary"},
        {"Redisson's LZ4: a length and a block without a frame", "\x00\x00\x00\x05Phello"s, "unknown_binary"},
        {"a class of a primitive type is nobody's message", "\x04\x23\x01"s, "unknown_binary"},
        {"another version of Java's stream", "\xAC\xED\x00\x04\x74"s, "unknown_binary"},
        {"half a header of it", "\xAC\xED", "not_utf8"},
        {"GBK", "\xC4\xE3\xBA\xC3, \xCA\xC0\xBD\xE7\r\n", "not_utf8"},
        {"JSON in GBK", "{\"t\":\"\xC4\xE3\"}", "not_utf8"},
        {"ISO-8859-1", "gr\xFC\xDF", "not_utf8"},
        {"half a surrogate pair in CESU-8", "\xED\xA0\xBD", "not_utf8"},
        {"UTF-16", "\xFE\xFF\x00h\x00i"s, "unknown_binary"},
        {"half a surrogate pair as the whole", R"("\ud83d")", "lone_surrogate"},
        {"nothing", "", "empty"},
    };
    for (const auto& r : table) {
        EXPECT_EQ(reason(r.bytes), r.reason) << r.sentence;
    }
    EXPECT_EQ(reason("", payload_format::text), "empty");
}

TEST(Payload, IsBounded) {
    payload_limits limits;
    limits.input = 10;
    EXPECT_STREQ(decode_payload("hello world", payload_format::text, {}, limits).error().reason, "too_large");
    EXPECT_TRUE(decode_payload("hello worl", payload_format::text, {}, limits));
    limits = {};
    limits.output = 4;
    for (const char* bytes : {"hello", R"("hello")", R"([12345])", R"({"@class":"x.A","a":1})", R"({"@type":"x.A",a:1L})"}) {
        EXPECT_STREQ(decode_payload(bytes, payload_format::automatic, {}, limits).error().reason, "output_too_large") << bytes;
    }
    limits = {};
    limits.depth = 2;
    EXPECT_TRUE(decode_payload("[[1]]", payload_format::automatic, {}, limits));
    EXPECT_STREQ(decode_payload("[[[1]]]", payload_format::automatic, {}, limits).error().reason, "too_deep");
    EXPECT_STREQ(decode_payload(R"([Set[{"@type":"x.A"}]])", payload_format::automatic, {}, limits).error().reason, "too_deep");
    EXPECT_EQ(reason(std::string((1U << 20U) + 1, 'x')), "too_large");
    EXPECT_EQ(reason(std::string(1U << 20U, '[')), "too_deep");
}

TEST(Payload, ThatIsRefusedShowsItsFirstBytes) {
    EXPECT_EQ(first_bytes("\x01\x00\xFF"s), "01 00 ff");
    EXPECT_EQ(first_bytes("abcdefghi"), "61 62 63 64 65 66 67 68 ...");
    EXPECT_EQ(first_bytes(""), "");
}

TEST(Payload, WithRandomDamageStillEndsInTextOrAReason) {
    std::vector<std::string> whole = {R"({"@type":"x.A",a:Set[1L,new Date(5)],"b":{"$ref":"$.a[0]"},'c':x'00'})",
                                      R"("{\"a\":\"\ud83d\ude00\"}")", "C\015com.example.A\221\2id`\351"};
    for (const auto& entry : std::filesystem::directory_iterator(java)) {
        const auto name = entry.path().filename().string();
        whole.push_back(name.ends_with(".resp") ? fixture(name) : file(java + name));
    }
    std::mt19937 random(20240607);
    const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
    static constexpr std::string_view bytes = "{}[]\",:'\\$@.0159LSeEx \n\x00\x7F\x80\xC3\xED\xFF";
    payload_limits limits;
    limits.output = 4096;
    std::size_t decoded = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string damaged = whole[below(whole.size())];
        for (std::size_t n = 1 + below(4); n > 0 && !damaged.empty(); --n) {
            const auto at = below(damaged.size());
            switch (below(4)) {
                case 0: damaged[at] = bytes[below(bytes.size())]; break;
                case 1: damaged.erase(at, 1 + below(8)); break;
                case 2: damaged.insert(at, 1, bytes[below(bytes.size())]); break;
                default: damaged.insert(at, damaged.substr(below(damaged.size()), below(32))); break;
            }
        }
        for (int f = 0; f <= static_cast<int>(payload_format::fastjson); ++f) {
            const auto format = static_cast<payload_format>(f);
            const auto got = decode_payload(damaged, format, jdk_strings, limits);
            if (!got) {
                ASSERT_STRNE(got.error().reason, "");
                continue;
            }
            ++decoded;
            ASSERT_LE(got->text.size(), limits.output);
            ASSERT_TRUE(!got->verbatim || got->text == damaged);
            ASSERT_TRUE(!got->json || is_json(got->text)) << got->text;
            ASSERT_TRUE(got->found == payload_format::jdk || valid_utf8(got->text)) << got->text;
        }
    }
    EXPECT_GT(decoded, 10'000U);
}

}  // namespace
}  // namespace wsidecar::proto
