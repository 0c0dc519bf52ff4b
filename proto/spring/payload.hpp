#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "proto/json/json_cursor.hpp"
#include "proto/text/result.hpp"

namespace wsidecar::proto {

/// How an app writes into its own channel or list (`sources`): `automatic` goes by the bytes.
enum class payload_format : std::uint8_t { automatic, text, json, jackson, jdk, fastjson };

/// As in a configuration and in labels: auto, text, json, ...
const char* payload_format_name(payload_format format);

struct payload_limits {
    std::size_t input = 1U << 20U;   ///< bytes
    std::size_t output = 1U << 20U;  ///< bytes of decoded text
    int depth = json_depth;          ///< objects and arrays in each other
};

/// A payload as plain text.
struct decoded_payload {
    payload_format found = payload_format::text;  ///< never automatic
    bool verbatim = true;                         ///< `text` is the payload byte for byte
    bool json = false;  ///< `text` is one JSON value of any kind, null too, that pointers can look into
    std::string text;   ///< what is sent to clients when that is the whole payload
};

/// Turns a Java serialization stream, from its AC ED on, into JSON text.
using jdk_decoder = std::function<result<std::string>(std::string_view)>;

/// Decodes a payload as `format` says. `automatic`: AC ED 00 05 is jdk; JSON with Java's types in it is jackson, other JSON is
/// json; `@type` in what is JSON to fastjson only is fastjson; other UTF-8 without control characters (but tabs and line ends) is text. JSON and text stay as they are, byte for
/// byte, but for JSON that is one string (double encoded by the app's serializer): its text is what was meant, and may be JSON
/// itself. A JDK string is taken likewise; explicit jackson and fastjson do the same, explicit json and text change nothing.
/// Reasons: empty, too_large, too_deep, output_too_large, not_utf8, byte_order_mark, lone_surrogate, not_json, not_jdk,
/// no_jdk_decoder, not_fastjson, too_many_references, looks_like_jdk, looks_like_kryo, looks_like_fst, looks_like_hessian,
/// looks_like_jboss, looks_like_compressed, unknown_binary, and those of `jdk`.
result<decoded_payload> decode_payload(std::string_view bytes, payload_format format, const jdk_decoder& jdk,
                                       const payload_limits& limits = {});

/// The first eight bytes in hexadecimal, for people who read why a binary payload was refused: "01 00 63 6f ...".
std::string first_bytes(std::string_view bytes);

}  // namespace wsidecar::proto
