#include "proto/spring/payload.hpp"

#include <algorithm>
#include <optional>

#include "proto/json/json_scan.hpp"
#include "proto/spring/fastjson.hpp"
#include "proto/spring/jackson.hpp"
#include "proto/text/hex.hpp"
#include "proto/text/utf8.hpp"

namespace wsidecar::proto {
namespace {

using namespace std::string_view_literals;

constexpr auto jdk_magic = "\xAC\xED\x00\x05"sv;
constexpr auto byte_order_mark = "\xEF\xBB\xBF"sv;

constexpr problem output_too_large{"output_too_large", "decoded, the payload is larger than the limit"};
constexpr problem not_json{"not_json", "format json takes valid JSON only"};

unsigned byte(std::string_view s, std::size_t at) {
    return at < s.size() ? static_cast<unsigned char>(s[at]) : 0x100U;
}

/// The name of a class in a package, `length` bytes from `at` on.
bool has_class_name(std::string_view bytes, std::size_t at, unsigned length) {
    return at < bytes.size() && length <= bytes.size() - at && is_java_class_name(bytes.substr(at, length));
}

/// Kryo's writeClassAndObject of a class that was not registered: 01 00, and the name with its last byte's top bit set.
bool is_kryo(std::string_view bytes) {
    if (!bytes.starts_with("\x01\x00"sv)) {
        return false;
    }
    bytes.remove_prefix(2);
    const auto last = std::find_if(bytes.begin(), bytes.end(), [](char c) { return (c & 0x80) != 0; });
    if (last == bytes.end() || last - bytes.begin() > 512) {
        return false;
    }
    std::string name(bytes.begin(), last + 1);
    name.back() = static_cast<char>(name.back() & 0x7F);
    return is_java_class_name(name);
}

/// FST: an object (00) with a class by name (00 to 03, length), or a string (FC, length) as the whole.
bool is_fst(std::string_view bytes) {
    const bool object = byte(bytes, 0) == 0 && byte(bytes, 1) <= 3 && has_class_name(bytes, 3, byte(bytes, 2));
    return object || (byte(bytes, 0) == 0xFC && byte(bytes, 1) < 0x80 && bytes.size() == 2 + byte(bytes, 1));
}

/// Hessian 2: its header or a call's or reply's, the definition of a class with its number of fields (C; O in drafts), a typed
/// map (M). Hessian 1: a map with a type (M t).
bool is_hessian(std::string_view bytes) {
    const unsigned first = byte(bytes, 0);
    const unsigned second = byte(bytes, 1);
    const unsigned third = byte(bytes, 2);
    const auto defines_class = [&](std::size_t at, unsigned length) {
        const unsigned fields = byte(bytes, at + length);
        return fields >= 0x80 && fields < 0xC0 && has_class_name(bytes, at, length);
    };
    switch (first) {
        case 'H': return second == 2 && third == 0;
        case 'c':
        case 'r': return (second == 1 || second == 2) && third == 0;
        case 'M':
            if (second == 't') {
                return third <= 1 && has_class_name(bytes, 4, third << 8U | byte(bytes, 3));
            }
            return second < 0x20 && (second < '\t' || second > '\r') && has_class_name(bytes, 2, second);
        case 'C': break;
        case 'O':
            if (second >= 0x90 && second < 0xC0) {
                return defines_class(2, second - 0x90);
            }
            break;
        default: return false;
    }
    return (second < 0x20 && defines_class(2, second)) ||
           (second >= 0x30 && second < 0x34 && defines_class(3, (second - 0x30) << 8U | (third & 0xFFU)));
}

/// Serializations that begin with something of their own. Text doesn't: in all of this are control characters or broken UTF-8.
std::optional<problem> known_binary(std::string_view bytes) {
    if (is_kryo(bytes)) {
        return problem{"looks_like_kryo",
                       "a Kryo payload has no field names and can't be read without the classes: use String, Jackson or JDK "
                       "serialization for this channel"};
    }
    if (is_hessian(bytes)) {
        return problem{"looks_like_hessian",
                       "Hessian payloads are not supported: use String, Jackson or JDK serialization for this channel"};
    }
    if (is_fst(bytes)) {
        return problem{"looks_like_fst",
                       "an FST payload has no field names and can't be read without the classes: use String, Jackson or JDK "
                       "serialization for this channel"};
    }
    return std::nullopt;
}

/// Raw Snappy of three or four bytes: their number, a tag with the length of a literal, and the bytes. It would pass for JBoss.
bool is_short_snappy(std::string_view bytes) {
    const unsigned length = byte(bytes, 0);
    return length > 0 && length <= 4 && byte(bytes, 1) == (length - 1) << 2U && bytes.size() == 2 + length;
}

/// JBoss Marshalling (Redisson's MarshallingCodec): River's version, 3 or 4, then the kind of the first object. The kinds 0x20 to
/// 0x31 are classes of primitive types, which are nobody's message.
bool is_jboss(std::string_view bytes) {
    const unsigned kind = byte(bytes, 1);
    const bool version = byte(bytes, 0) == 3 || byte(bytes, 0) == 4;
    return version && kind > 0 && kind <= 0x60 && (kind < 0x20 || kind > 0x31) && !is_short_snappy(bytes);
}

/// How the stream of a compressor begins.
struct compressed_stream {
    std::string_view begins;
    const char* detail;
};

constexpr compressed_stream compressed_streams[] = {
    {"\x1F\x8B\x08"sv, "a gzip payload is not decompressed: let the app write this channel uncompressed"},
    {"\x04\x22\x4D\x18"sv, "an LZ4 payload is not decompressed: let the app write this channel uncompressed"},
    {"\x02\x21\x4C\x18"sv, "an LZ4 payload is not decompressed: let the app write this channel uncompressed"},
    {"LZ4Block"sv, "an LZ4 payload is not decompressed: let the app write this channel uncompressed"},
    {"\xFF\x06\x00\x00sNaPpY"sv, "a Snappy payload is not decompressed: let the app write this channel uncompressed"},
    {"\x82SNAPPY\x00"sv, "a Snappy payload is not decompressed: let the app write this channel uncompressed"},
    {"\x28\xB5\x2F\xFD"sv, "a Zstandard payload is not decompressed: let the app write this channel uncompressed"},
    {"BZh"sv, "a bzip2 payload is not decompressed: let the app write this channel uncompressed"},
    {"\xFD\x37zXZ\x00"sv, "an xz payload is not decompressed: let the app write this channel uncompressed"},
    {"PK\x03\x04"sv, "a zip archive is not unpacked: let the app write this channel uncompressed"},
};

/// zlib's header: deflate with a window of 32 KiB, and a checksum of its two bytes. No preset dictionary.
bool is_zlib(std::string_view bytes) {
    const unsigned second = byte(bytes, 1);
    return byte(bytes, 0) == 0x78 && second < 0x100 && (0x7800U + second) % 31 == 0 && (second & 0x20U) == 0;
}

/// Other control characters than tabs and line ends: no text has these. Short protobuf strings have them as their length.
bool has_control_characters(std::string_view bytes) {
    return std::any_of(bytes.begin(), bytes.end(), [](char c) {
        const auto u = static_cast<unsigned char>(c);
        return u == 0x7F || (u < 0x20 && c != '\t' && c != '\n' && c != '\r');
    });
}

/// Why bytes that are no UTF-8, or have control characters, are refused.
problem not_text(std::string_view bytes) {
    if (bytes.starts_with(jdk_magic)) {
        return {"looks_like_jdk", "this is a Java serialization stream: set the format to jdk or auto"};
    }
    if (const auto known = known_binary(bytes)) {
        return *known;
    }
    const bool controls = has_control_characters(bytes);
    for (const auto& stream : compressed_streams) {
        if (controls && bytes.starts_with(stream.begins)) {
            return {"looks_like_compressed", stream.detail};
        }
    }
    if (controls && is_zlib(bytes)) {
        return {"looks_like_compressed", "a zlib payload is not decompressed: let the app write this channel uncompressed"};
    }
    if (is_jboss(bytes)) {
        return {"looks_like_jboss",
                "a JBoss Marshalling payload (Redisson's MarshallingCodec) can't be read without the classes: use String, "
                "Jackson or "
                "JDK serialization for this channel"};
    }
    if (!controls) {
        return {"not_utf8", "text in another charset than UTF-8 (GBK, ISO-8859-1, ...): let the app write UTF-8"};
    }
    return {"unknown_binary", "unknown binary payload: use String, Jackson or JDK serialization for this channel"};
}

result<decoded_payload> make(payload_format found, bool verbatim, bool json, std::string text, const payload_limits& limits) {
    if (text.size() > limits.output) {
        return output_too_large;
    }
    return decoded_payload{found, verbatim, json, std::move(text)};
}

/// JSON text that was decoded, or need not be: what it holds if it is a string.
result<decoded_payload> whole(payload_format found, bool verbatim, std::string json, const payload_limits& limits) {
    const auto first = json.find_first_not_of(" \t\r\n");
    if (first == std::string::npos || json[first] != '"') {
        return make(found, verbatim, true, std::move(json), limits);
    }
    auto text = json_string(json);
    if (!text) {
        return problem{"lone_surrogate", "the string has half a surrogate pair: it can't be sent as UTF-8"};
    }
    const bool inner = is_json(*text, limits.depth);
    return make(found, false, inner, std::move(*text), limits);
}

std::optional<problem> not_for_json(std::string_view bytes) {
    if (!valid_utf8(bytes)) {
        return not_text(bytes);
    }
    if (bytes.starts_with(byte_order_mark)) {
        return problem{"byte_order_mark", "JSON must not begin with a byte order mark (RFC 8259 section 8.1)"};
    }
    return std::nullopt;
}

result<decoded_payload> as_text(std::string_view bytes, const payload_limits& limits) {
    if (!valid_utf8(bytes)) {
        return not_text(bytes);
    }
    return make(payload_format::text, true, false, std::string(bytes), limits);
}

result<decoded_payload> as_json(std::string_view bytes, const payload_limits& limits) {
    if (const auto p = not_for_json(bytes)) {
        return *p;
    }
    json_cursor cursor(bytes, limits.depth);
    cursor.space();
    if (cursor.value(0) && cursor.at_end()) {
        return make(payload_format::json, true, true, std::string(bytes), limits);
    }
    return cursor.too_deep() ? problem{"too_deep", "objects and arrays stand in each other deeper than the limit"} : not_json;
}

result<decoded_payload> as_jackson(std::string_view bytes, const payload_limits& limits) {
    if (const auto p = not_for_json(bytes)) {
        return *p;
    }
    auto plain = unwrap_jackson(bytes, jackson_types::sure, limits.depth);
    if (!plain) {
        return plain.error();
    }
    return whole(payload_format::jackson, !plain->typed, plain->typed ? std::move(plain->text) : std::string(bytes), limits);
}

result<decoded_payload> as_jdk(std::string_view bytes, const jdk_decoder& jdk, const payload_limits& limits) {
    if (!bytes.starts_with(jdk_magic)) {
        return problem{"not_jdk", "a Java serialization stream begins with AC ED 00 05"};
    }
    if (!jdk) {
        return problem{"no_jdk_decoder", "Java serialization is not decoded here"};
    }
    auto json = jdk(bytes);
    if (!json) {
        return json.error();
    }
    return whole(payload_format::jdk, false, std::move(*json), limits);
}

result<decoded_payload> from_fastjson(std::string_view bytes, result<plain_json> plain, const payload_limits& limits) {
    if (!plain) {
        return plain.error();
    }
    return whole(payload_format::fastjson, !plain->changed, plain->changed ? std::move(plain->text) : std::string(bytes),
                 limits);
}

result<decoded_payload> as_fastjson(std::string_view bytes, const payload_limits& limits) {
    if (const auto p = not_for_json(bytes)) {
        return *p;
    }
    return from_fastjson(bytes, unwrap_fastjson(bytes, limits.depth, limits.output), limits);
}

result<decoded_payload> by_its_bytes(std::string_view bytes, const jdk_decoder& jdk, const payload_limits& limits) {
    if (bytes.starts_with(jdk_magic)) {
        return as_jdk(bytes, jdk, limits);
    }
    if (const auto known = known_binary(bytes)) {
        return *known;
    }
    if (!valid_utf8(bytes)) {
        return not_text(bytes);
    }
    auto plain = unwrap_jackson(bytes, jackson_types::detect, limits.depth);
    if (plain && plain->typed) {
        return whole(payload_format::jackson, false, std::move(plain->text), limits);
    }
    if (plain) {
        return whole(payload_format::json, true, std::string(bytes), limits);
    }
    if (plain.error().reason != "not_json"sv) {
        return plain.error();
    }
    if (bytes.find("@type") != std::string_view::npos) {
        auto lenient = unwrap_fastjson(bytes, limits.depth, limits.output);
        if (lenient ? lenient->typed : lenient.error().reason != "not_fastjson"sv) {
            return from_fastjson(bytes, std::move(lenient), limits);
        }
    }
    if (has_control_characters(bytes)) {
        return not_text(bytes);  // some serializations of strings are UTF-8 but for a few bytes in front
    }
    return as_text(bytes, limits);
}

}  // namespace

const char* payload_format_name(payload_format format) {
    switch (format) {
        case payload_format::text: return "text";
        case payload_format::json: return "json";
        case payload_format::jackson: return "jackson";
        case payload_format::jdk: return "jdk";
        case payload_format::fastjson: return "fastjson";
        case payload_format::automatic: break;
    }
    return "auto";
}

result<decoded_payload> decode_payload(std::string_view bytes, payload_format format, const jdk_decoder& jdk,
                                       const payload_limits& limits) {
    if (bytes.empty()) {
        return problem{"empty", "the payload is empty: a Java serializer writes null like that"};
    }
    if (bytes.size() > limits.input) {
        return problem{"too_large", "the payload is larger than the limit"};
    }
    switch (format) {
        case payload_format::text: return as_text(bytes, limits);
        case payload_format::json: return as_json(bytes, limits);
        case payload_format::jackson: return as_jackson(bytes, limits);
        case payload_format::jdk: return as_jdk(bytes, jdk, limits);
        case payload_format::fastjson: return as_fastjson(bytes, limits);
        case payload_format::automatic: break;
    }
    return by_its_bytes(bytes, jdk, limits);
}

std::string first_bytes(std::string_view bytes) {
    std::string out;
    for (const char c : bytes.substr(0, 8)) {
        const auto u = static_cast<unsigned char>(c);
        out += out.empty() ? "" : " ";
        append_hex(out, u);
    }
    return bytes.size() > 8 ? out + " ..." : out;
}

}  // namespace wsidecar::proto
