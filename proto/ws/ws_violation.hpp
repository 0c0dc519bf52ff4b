#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace wsidecar::proto {

/// What a client can break of RFC 6455 and RFC 7692, or of the limits of its connection.
enum class ws_violation : std::uint8_t {
    none,
    reserved_bits,
    bad_opcode,
    not_masked,
    fragmented_control,
    long_control,
    bad_length,
    non_minimal_length,
    unexpected_continuation,
    interleaved_message,
    bad_close_body,
    bad_close_code,
    bad_utf8,
    bad_close_reason,
    bad_deflate,
    too_many_fragments,
    message_too_big,
    count,
};

struct ws_violation_terms {
    const char* word;    ///< label of metrics, and the reason in the Close frame
    std::uint16_t code;  ///< that closes the connection (RFC 6455 section 7.4.1)
};

constexpr ws_violation_terms terms(ws_violation v) {
    constexpr std::size_t count = static_cast<std::size_t>(ws_violation::count);
    constexpr std::array<ws_violation_terms, count> all{{
        {"", 0},
        {"reserved_bits", 1002},
        {"bad_opcode", 1002},
        {"not_masked", 1002},
        {"fragmented_control", 1002},
        {"long_control", 1002},
        {"bad_length", 1002},
        {"non_minimal_length", 1002},
        {"unexpected_continuation", 1002},
        {"interleaved_message", 1002},
        {"bad_close_body", 1002},
        {"bad_close_code", 1002},
        {"bad_utf8", 1007},
        {"bad_close_reason", 1007},
        {"bad_deflate", 1007},
        {"too_many_fragments", 1008},
        {"message_too_big", 1009},
    }};
    return all[static_cast<std::size_t>(v)];
}

}  // namespace wsidecar::proto
