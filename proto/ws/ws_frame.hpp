#pragma once

#include <cstddef>
#include <cstdint>

namespace wsidecar::proto {

/// RFC 6455 section 5.2.
enum class opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

inline constexpr std::size_t max_frame_header = 10;

/// Writes the header of an unmasked, final server frame into `out` (at least max_frame_header bytes); returns its length.
/// `compressed` sets RSV1 (RFC 7692 section 6).
inline std::size_t encode_frame_header(char* out, opcode op, std::uint64_t size, bool compressed = false) {
    out[0] = static_cast<char>(0x80U | (compressed ? 0x40U : 0U) | static_cast<unsigned>(op));
    if (size < 126) {
        out[1] = static_cast<char>(size);
        return 2;
    }
    const int bytes = size <= 0xFFFF ? 2 : 8;
    out[1] = static_cast<char>(bytes == 2 ? 126 : 127);
    for (int i = 0; i < bytes; ++i) {
        out[2 + i] = static_cast<char>((size >> (8 * (bytes - 1 - i))) & 0xFFU);
    }
    return 2 + static_cast<std::size_t>(bytes);
}

}  // namespace wsidecar::proto
