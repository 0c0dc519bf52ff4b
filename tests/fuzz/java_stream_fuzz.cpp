// Java streams come from any Redis client: each ends as JSON that other readers take, or as a problem; never as more than allowed.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/json/json_scan.hpp"
#include "proto/spring/java_json.hpp"
#include "proto/spring/java_stream.hpp"
#include "proto/text/utf8.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace wsidecar::proto;
    java_limits limits;
    limits.json = 1 << 16;
    limits.objects = 10'000;
    const auto document = parse_java({reinterpret_cast<const char*>(data), size}, limits);
    if (!document) {
        return 0;
    }
    for (const auto& options : {java_json_options{}, java_json_options{java_longs::string, java_dates::iso}}) {
        const auto json = write_java_json(*document, options, limits);
        if (json && (json->size() > limits.json || !valid_utf8(*json) ||
                     !json_container(json->starts_with('[') || json->starts_with('{') ? *json : '[' + *json + ']'))) {
            __builtin_trap();
        }
    }
    return 0;
}
