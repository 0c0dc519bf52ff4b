// Payloads of apps come from any Redis client: decoding ends with bounded UTF-8 text or a reason, nothing is changed unless it
// was decoded, what is said to be JSON is JSON, and pointers find parts of it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/json/json_cursor.hpp"
#include "proto/json/json_pointer.hpp"
#include "proto/json/json_scan.hpp"
#include "proto/spring/payload.hpp"
#include "proto/text/utf8.hpp"

namespace {

using namespace wsidecar::proto;

void expect(bool good) {
    if (!good) {
        __builtin_trap();
    }
}

/// Stands for the decoder of Java's streams: the bytes behind the header are the text of a string, or JSON themselves.
wsidecar::result<std::string> after_header(std::string_view stream) {
    const auto rest = stream.substr(4);
    if (!valid_utf8(rest)) {
        return wsidecar::problem{"bad_stream", ""};
    }
    std::string json(rest);
    if (!is_json(rest)) {
        json.clear();
        json_quote(json, rest);
    }
    return json;
}

void look_into(const std::string& json) {
    const auto whole = find_pointer(json, "");
    expect(whole && is_json(*whole) && find_all(json, "").size() == 1);
    for (const char* pointer : {"/*", "/*/*", "/a", "/0", "/a/*/id", "/b~1c"}) {
        for (const auto part : find_all(json, pointer)) {
            expect(part.data() >= json.data() && part.data() + part.size() <= json.data() + json.size() && is_json(part));
            const auto text = scalar_text(part);
            expect(!text || valid_utf8(*text));
        }
        const auto one = find_pointer(json, pointer);
        expect(!one || is_json(*one));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    payload_limits limits;
    limits.output = 1U << 16U;
    for (const auto format : {payload_format::automatic, payload_format::text, payload_format::json, payload_format::jackson,
                              payload_format::jdk, payload_format::fastjson}) {
        const auto got = decode_payload(bytes, format, after_header, limits);
        if (!got) {
            expect(*got.error().reason != '\0');
            continue;
        }
        expect(got->found != payload_format::automatic && got->text.size() <= limits.output && valid_utf8(got->text));
        expect(!got->verbatim || got->text == bytes);
        expect(!got->json || is_json(got->text));
        if (got->json) {
            look_into(got->text);
        }
    }
    const auto newline = std::min(bytes.find('\n'), bytes.size());
    find_all(bytes.substr(newline), bytes.substr(0, newline));
    return 0;
}
