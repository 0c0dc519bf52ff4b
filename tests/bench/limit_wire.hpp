#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Sockets and the three wire formats of limit.cpp, as little of them as it needs.
namespace limit {

/// These end the process when they cannot.
int listening(std::uint16_t port);
int connected(std::uint16_t port);
void send_all(int fd, std::string_view bytes);
void no_delay(int fd);

/// A command for Redis.
std::string command(std::initializer_list<std::string> words);
/// One reply of Redis from `at` on: its strings, arrays flattened, integers left out. False: not whole yet.
bool reply(std::string_view in, std::size_t& at, std::vector<std::string_view>& words);

/// The 101 for this request (RFC 6455 section 4.2.2).
std::string switching_protocols(std::string_view head);
/// Appends an unmasked text frame.
void frame(std::string& out, std::string_view text);

/// Unmasks in place; `take(opcode, payload)` for each. False: a close, or a frame that is cut off.
template <class Take>
bool for_each_frame(std::span<char> in, Take take) {
    char* data = in.data();
    std::size_t at = 0;
    while (at < in.size()) {
        if (in.size() - at < 6) {
            return false;
        }
        const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(data[at + k]); };
        std::size_t size = byte(1) & 0x7FU;
        std::size_t head = 6;
        if (size == 126 && in.size() - at >= 8) {
            size = static_cast<std::size_t>(byte(2)) << 8U | byte(3);
            head = 8;
        }
        const int opcode = byte(0) & 0x0F;
        if (opcode == 8 || size == 127 || in.size() - at < head + size) {
            return false;
        }
        char* text = data + at + head;
        for (std::size_t k = 0; k < size; ++k) {
            text[k] = static_cast<char>(text[k] ^ text[static_cast<std::ptrdiff_t>(k % 4) - 4]);
        }
        take(opcode, std::string_view(text, size));
        at += head + size;
    }
    return true;
}

}  // namespace limit
