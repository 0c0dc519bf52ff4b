// Bytes of clients after the 101, in two ways of cutting them: both must see the same events.

#include <cstddef>
#include <cstdint>
#include <string>

#include "proto/ws/deflate.hpp"
#include "proto/ws/ws_reader.hpp"

namespace {

std::string events(std::string bytes, std::size_t piece, bool deflate, std::uint8_t window_bits) {
    using namespace wsidecar::proto;
    ws_reader reader;
    inflater z;
    ws_limits limits;
    limits.message = 4096;
    limits.fragments = 8;
    limits.deflate = deflate;
    limits.window_bits = window_bits;
    std::string seen;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        std::span<char> in(bytes.data() + at, std::min(piece, bytes.size() - at));
        for (;;) {
            const auto step = reader.next(in, limits, &z);
            if (step.what == ws_event::need_more) {
                break;
            }
            seen += static_cast<char>('a' + static_cast<int>(step.what));
            seen += std::to_string(step.what == ws_event::error ? terms(step.why).code : step.code);
            if (step.what != ws_event::error) {
                seen.append(step.payload);
            }
            if (step.payload.size() > limits.message || reader.window() > std::size_t{1} << window_bits) {
                __builtin_trap();
            }
        }
    }
    return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const bool deflate = (data[0] & 1U) != 0;
    const std::uint8_t window_bits = (data[0] & 2U) != 0 ? 8 : 0;
    if (events(bytes, bytes.size() + 1, deflate, window_bits) != events(bytes, 1 + data[0] / 4U, deflate, window_bits)) {
        __builtin_trap();
    }
    return 0;
}
