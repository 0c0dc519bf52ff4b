#include "proto/ws/ws_header.hpp"

#include <algorithm>
#include <cstring>

namespace wsidecar::proto {

std::uint64_t big_endian(const char* p, std::size_t n) {
    std::uint64_t v = 0;
    for (std::size_t i = 0; i < n; ++i) {
        v = v << 8U | static_cast<unsigned char>(p[i]);
    }
    return v;
}

void unmask(char* p, std::size_t n, const std::array<char, 4>& key, std::uint64_t phase) {
    std::array<char, 8> eight;
    for (std::size_t i = 0; i < eight.size(); ++i) {
        eight[i] = key[(phase + i) % 4];
    }
    std::uint64_t mask;
    std::memcpy(&mask, eight.data(), 8);
    for (; n >= 8; p += 8, n -= 8) {
        std::uint64_t word;
        std::memcpy(&word, p, 8);
        word ^= mask;
        std::memcpy(p, &word, 8);
    }
    for (std::size_t i = 0; i < n; ++i) {
        p[i] = static_cast<char>(p[i] ^ eight[i]);
    }
}

header_look look_at_header(const char* p, std::size_t n) {
    if (n < 2) {
        return {2};
    }
    const auto b0 = static_cast<unsigned char>(p[0]);
    const auto b1 = static_cast<unsigned char>(p[1]);
    const unsigned op = b0 & 0x0FU;
    const unsigned length = b1 & 0x7FU;
    const bool control = op >= 8;
    if ((b0 & 0x30U) != 0) {
        return {2, ws_violation::reserved_bits};
    }
    if ((op > 2 && op < 8) || op > 10) {
        return {2, ws_violation::bad_opcode};
    }
    if ((b1 & 0x80U) == 0) {
        return {2, ws_violation::not_masked};
    }
    if (control && (b0 & 0x80U) == 0) {
        return {2, ws_violation::fragmented_control};
    }
    if (control && length > max_control_payload) {
        return {2, ws_violation::long_control};
    }
    return {length < 126 ? 6U : length == 126 ? 8U : 14U};
}

ws_violation decode_header(const char* p, std::size_t size, frame_header& h) {
    h.op = static_cast<opcode>(p[0] & 0x0F);
    h.fin = (p[0] & 0x80) != 0;
    h.rsv1 = (p[0] & 0x40) != 0;
    h.length = size == 6 ? big_endian(p + 1, 1) & 0x7FU : big_endian(p + 2, size - 6);
    std::copy_n(p + size - 4, 4, h.key.begin());
    if (h.length >> 63U != 0) {
        return ws_violation::bad_length;
    }
    const bool could_be_shorter = (size == 8 && h.length < 126) || (size == 14 && h.length <= 0xFFFF);
    return could_be_shorter ? ws_violation::non_minimal_length : ws_violation::none;
}

}  // namespace wsidecar::proto
