#include "proto/json/json_text.hpp"

#include <cstddef>
#include <cstdint>

#include "proto/text/hex.hpp"
#include "proto/text/utf8.hpp"

namespace wsidecar::proto {
namespace {

/// The length of the well-formed code point of more than one byte that `s` begins with; 0: none.
std::size_t sequence(std::string_view s) {
    const auto lead = static_cast<unsigned char>(s.front());
    const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    return s.size() >= size && valid_utf8(s.substr(0, size)) ? size : 0;
}

std::uint32_t decode(std::string_view s) {
    std::uint32_t c = static_cast<unsigned char>(s.front()) & (0xFFU >> (s.size() + 1));
    for (const char next : s.substr(1)) {
        c = c << 6U | (static_cast<unsigned char>(next) & 0x3FU);
    }
    return c;
}

bool is_hidden(std::uint32_t c) {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x61C || c == 0x200E || c == 0x200F || (c >= 0x2028 && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

void append_json_escape(std::string& out, std::uint32_t unit) {
    out += "\\u";
    append_hex(out, static_cast<unsigned char>(unit >> 8U));
    append_hex(out, static_cast<unsigned char>(unit));
}

void append_json_text(std::string& out, std::string_view bytes, bool quoted) {
    while (!bytes.empty()) {
        const auto c = static_cast<unsigned char>(bytes.front());
        std::size_t taken = 1;
        if (c < 0x80) {
            if (is_hidden(c)) {
                append_json_escape(out, c);
            } else {
                if (quoted && (c == '"' || c == '\\')) {
                    out += '\\';
                }
                out += static_cast<char>(c);
            }
        } else if (const std::size_t size = sequence(bytes); size == 0) {
            out += "\xEF\xBF\xBD";
        } else {
            taken = size;
            const std::uint32_t point = decode(bytes.substr(0, size));
            is_hidden(point) ? append_json_escape(out, point) : static_cast<void>(out.append(bytes.substr(0, size)));
        }
        bytes.remove_prefix(taken);
    }
}

}  // namespace wsidecar::proto
