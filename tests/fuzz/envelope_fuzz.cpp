// Envelopes come from any Redis client: decoding ends with pushes or problems, and what was taken survives a round trip, and can be
// signed; a signature is never right by chance.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/envelope_signature.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace wsidecar::proto;
    static const std::vector<std::string> secrets{"s3cret"};
    if (check_signature({reinterpret_cast<const char*>(data), size}, secrets)) {
        __builtin_trap();
    }
    for (const auto& item : decode_envelopes({reinterpret_cast<const char*>(data), size})) {
        if (item.value) {
            const auto text = encode_envelope(*item.value);
            const auto again = decode_envelopes(text);
            if (again.size() != 1 || !again[0].value || encode_envelope(*again[0].value) != text) {
                __builtin_trap();
            }
            if (!item.value->is_signed && !check_signature(sign_envelope(std::string(item.raw), secrets), secrets)) {
                __builtin_trap();
            }
        }
    }
    return 0;
}
