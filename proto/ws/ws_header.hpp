#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proto/ws/ws_frame.hpp"
#include "proto/ws/ws_violation.hpp"

namespace wsidecar::proto {

inline constexpr std::size_t max_masked_header = 14;
inline constexpr std::size_t max_control_payload = 125;

/// The header of a client's frame (RFC 6455 section 5.2).
struct frame_header {
    opcode op = opcode::continuation;
    bool fin = false;
    bool rsv1 = false;
    std::array<char, 4> key{};
    std::uint64_t length = 0;

    bool is_control() const { return (static_cast<unsigned>(op) & 8U) != 0; }
    bool starts_message() const { return op == opcode::text || op == opcode::binary; }
};

struct header_look {
    std::size_t size;                       ///< size of the whole header, as far as these bytes tell: 2, 6, 8 or 14
    ws_violation why = ws_violation::none;  ///< what is wrong with it already: reserved_bits (2 and 3), bad_opcode,
                                            ///< not_masked, fragmented_control, long_control
};

/// Checks the first bytes of a header.
header_look look_at_header(const char* p, std::size_t n);

/// Decodes a header of `size` bytes that look_at_header() has accepted. Problems: bad_length, non_minimal_length.
ws_violation decode_header(const char* p, std::size_t size, frame_header& h);

/// Unmasks `n` bytes in place. The first of them is byte number `phase` of the payload (RFC 6455 section 5.3).
void unmask(char* p, std::size_t n, const std::array<char, 4>& key, std::uint64_t phase);

std::uint64_t big_endian(const char* p, std::size_t n);

}  // namespace wsidecar::proto
