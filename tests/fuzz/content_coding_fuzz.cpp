// Bodies of the app's answers in a content coding: whatever they hold, no more comes out than the limit.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/http/content_coding.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t limit = 4096;
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    for (const auto* coding : {"gzip", "deflate"}) {
        const auto r = wsidecar::proto::decode_content(coding, body, limit);
        if (r && r->size() > limit) {
            __builtin_trap();
        }
    }
    return 0;
}
