// Envelopes come from any Redis client: decoding ends with pushes or problems, and what was taken survives a round trip.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/envelope.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace wsidecar::proto;
    for (const auto& item : decode_envelopes({reinterpret_cast<const char*>(data), size})) {
        if (item.value) {
            const auto text = encode_envelope(*item.value);
            const auto again = decode_envelopes(text);
            if (again.size() != 1 || !again[0].value || encode_envelope(*again[0].value) != text) {
                __builtin_trap();
            }
        }
    }
    return 0;
}
