#include "proto/text/base64.hpp"

#include <array>
#include <cstdint>

namespace wsidecar::proto {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> values = [] {
    std::array<std::int8_t, 256> v{};
    v.fill(-1);
    for (std::size_t i = 0; i < alphabet.size(); ++i) {
        v[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
    }
    return v;
}();

}  // namespace

std::string base64_encode(std::string_view bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const auto byte = [&](std::size_t k) {
            return i + k < bytes.size() ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i + k])) : 0U;
        };
        const std::uint32_t bits = byte(0) << 16U | byte(1) << 8U | byte(2);
        out += alphabet[bits >> 18U];
        out += alphabet[(bits >> 12U) & 63U];
        out += i + 1 < bytes.size() ? alphabet[(bits >> 6U) & 63U] : '=';
        out += i + 2 < bytes.size() ? alphabet[bits & 63U] : '=';
    }
    return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
    if (text.size() % 4 != 0) {
        return std::nullopt;
    }
    std::string out;
    out.reserve(text.size() / 4 * 3);
    for (std::size_t i = 0; i < text.size(); i += 4) {
        const bool last = i + 4 == text.size();
        const std::size_t padding = last ? (text[i + 3] != '=' ? 0U : text[i + 2] != '=' ? 1U : 2U) : 0U;
        std::uint32_t bits = 0;
        for (std::size_t k = 0; k < 4 - padding; ++k) {
            const int v = values[static_cast<unsigned char>(text[i + k])];
            if (v < 0) {
                return std::nullopt;
            }
            bits |= static_cast<std::uint32_t>(v) << (18 - 6 * k);
        }
        if ((bits & ((1U << (8 * padding)) - 1U)) != 0) {
            return std::nullopt;
        }
        for (std::size_t k = 0; k < 3 - padding; ++k) {
            out += static_cast<char>((bits >> (16 - 8 * k)) & 0xFFU);
        }
    }
    return out;
}

std::string base64url_encode(std::string_view bytes) {
    std::string out = base64_encode(bytes);
    out.resize(out.find_last_not_of('=') + 1);
    for (char& c : out) {
        c = c == '+' ? '-' : c == '/' ? '_' : c;
    }
    return out;
}

std::optional<std::string> base64url_decode(std::string_view text) {
    if (text.find_first_of("+/=") != std::string_view::npos || text.size() % 4 == 1) {
        return std::nullopt;
    }
    std::string padded(text);
    for (char& c : padded) {
        c = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    padded.append((4 - padded.size() % 4) % 4, '=');
    return base64_decode(padded);
}

}  // namespace wsidecar::proto
