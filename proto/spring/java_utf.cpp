#include "proto/spring/java_utf.hpp"

#include <algorithm>
#include <cstdint>

#include "proto/text/utf8.hpp"
#include "proto/text/words.hpp"

namespace wsidecar::proto {
namespace {

/// Joins surrogates on their way out.
class utf16_writer {
public:
    explicit utf16_writer(std::string& out) : out_(out) {}
    ~utf16_writer() { flush(); }
    utf16_writer(const utf16_writer&) = delete;
    utf16_writer& operator=(const utf16_writer&) = delete;

    void unit(std::uint32_t c) {
        if (high_ != 0 && c >= 0xDC00 && c <= 0xDFFF) {
            append_code_point(out_, 0x10000 + ((high_ - 0xD800) << 10U) + (c - 0xDC00));
            high_ = 0;
            return;
        }
        flush();
        if (c >= 0xD800 && c <= 0xDBFF) {
            high_ = c;
        } else {
            append_code_point(out_, c >= 0xDC00 && c <= 0xDFFF ? lone : c);
        }
    }

private:
    static constexpr std::uint32_t lone = 0xFFFD;

    void flush() {
        if (high_ != 0) {
            append_code_point(out_, lone);
            high_ = 0;
        }
    }

    std::string& out_;
    std::uint32_t high_ = 0;  ///< a high surrogate that waits for its low one
};

std::uint32_t byte_at(std::string_view s, std::size_t i) {
    return static_cast<unsigned char>(s[i]);
}

bool is_continuation(std::string_view s, std::size_t i) {
    return i < s.size() && (byte_at(s, i) & 0xC0U) == 0x80U;
}

}  // namespace

bool is_plain_java_utf(std::string_view modified) {
    const auto is_four_byte_lead = [](char c) { return static_cast<unsigned char>(c) >= 0xF0; };
    return is_ascii(modified) || (valid_utf8(modified) && std::none_of(modified.begin(), modified.end(), is_four_byte_lead));
}

bool append_java_utf(std::string& out, std::string_view modified) {
    if (is_plain_java_utf(modified)) {
        out += modified;
        return true;
    }
    utf16_writer to(out);
    for (std::size_t i = 0; i < modified.size();) {
        const auto c = byte_at(modified, i);
        if (c < 0x80) {
            to.unit(c);
            i += 1;
        } else if ((c & 0xE0U) == 0xC0U && is_continuation(modified, i + 1)) {
            to.unit((c & 0x1FU) << 6U | (byte_at(modified, i + 1) & 0x3FU));
            i += 2;
        } else if ((c & 0xF0U) == 0xE0U && is_continuation(modified, i + 1) && is_continuation(modified, i + 2)) {
            to.unit((c & 0x0FU) << 12U | (byte_at(modified, i + 1) & 0x3FU) << 6U | (byte_at(modified, i + 2) & 0x3FU));
            i += 3;
        } else {
            return false;
        }
    }
    return true;
}

std::string to_java_utf(std::string_view utf8) {
    std::string out;
    out.reserve(utf8.size());
    for (std::size_t i = 0; i < utf8.size(); ++i) {
        const auto c = byte_at(utf8, i);
        if (c == 0) {
            out += "\xC0\x80";
        } else if (c >= 0xF0 && i + 3 < utf8.size()) {
            const auto point = (c & 0x07U) << 18U | (byte_at(utf8, i + 1) & 0x3FU) << 12U |
                               (byte_at(utf8, i + 2) & 0x3FU) << 6U | (byte_at(utf8, i + 3) & 0x3FU);
            append_code_point(out, 0xD800 + ((point - 0x10000) >> 10U));
            append_code_point(out, 0xDC00 + ((point - 0x10000) & 0x3FFU));
            i += 3;
        } else {
            out += utf8[i];
        }
    }
    return out;
}

void append_utf16(std::string& out, std::string_view units) {
    utf16_writer to(out);
    for (std::size_t i = 0; i + 1 < units.size(); i += 2) {
        to.unit(byte_at(units, i) << 8U | byte_at(units, i + 1));
    }
}

}  // namespace wsidecar::proto
