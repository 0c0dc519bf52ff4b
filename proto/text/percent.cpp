#include "proto/text/percent.hpp"

#include "proto/text/hex.hpp"

namespace wsidecar::proto {
namespace {

void encode(std::string& out, unsigned char c) {
    out += '%';
    append_hex(out, c, upper_hex_digits);
}

bool unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

}  // namespace

void percent_encode_header(std::string& out, std::string_view value) {
    // Nearly every value stands for itself.
    std::size_t plain = 0;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const auto u = static_cast<unsigned char>(value[i]);
        if (u <= 0x20 || u >= 0x7F || u == '"' || u == '%' || u == '+') {
            out.append(value, plain, i - plain);
            encode(out, u);
            plain = i + 1;
        }
    }
    out.append(value, plain);
}

std::string percent_encode_header(std::string_view value) {
    std::string out;
    out.reserve(value.size());
    percent_encode_header(out, value);
    return out;
}

std::string percent_encode_segment(std::string_view value) {
    std::string out;
    out.reserve(value.size());
    for (const char c : value) {
        if (unreserved(c)) {
            out += c;
        } else {
            encode(out, static_cast<unsigned char>(c));
        }
    }
    return out;
}

std::string percent_decode(std::string_view value) {
    std::string out;
    out.reserve(value.size());
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] == '%' && i + 2 < value.size()) {
            const int high = hex_value(value[i + 1]);
            const int low = hex_value(value[i + 2]);
            if (high >= 0 && low >= 0) {
                out += static_cast<char>(high * 16 + low);
                i += 2;
                continue;
            }
        }
        out += value[i];
    }
    return out;
}

}  // namespace wsidecar::proto
