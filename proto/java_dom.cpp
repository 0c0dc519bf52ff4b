#include "proto/java_dom.hpp"

#include <algorithm>

namespace wsidecar::proto {

std::size_t java_width(char type) {
    switch (type) {
        case 'B':
        case 'Z': return 1;
        case 'C':
        case 'S': return 2;
        case 'F':
        case 'I': return 4;
        case 'D':
        case 'J': return 8;
        default: return 0;
    }
}

java_value java_primitive(char type, std::uint64_t bits) {
    switch (type) {
        case 'B': return {java_kind::int8, 0, static_cast<std::int8_t>(bits)};
        case 'Z': return {java_kind::boolean, 0, bits != 0 ? 1 : 0};
        case 'C': return {java_kind::character, 0, static_cast<std::int64_t>(bits)};
        case 'S': return {java_kind::int16, 0, static_cast<std::int16_t>(bits)};
        case 'I': return {java_kind::int32, 0, static_cast<std::int32_t>(bits)};
        case 'J': return {java_kind::int64, 0, static_cast<std::int64_t>(bits)};
        case 'F':
            return {java_kind::float32, 0,
                    std::bit_cast<std::int64_t>(static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits))))};
        default: return {java_kind::float64, 0, std::bit_cast<std::int64_t>(bits)};
    }
}

std::string printable_class_name(std::string_view name) {
    constexpr std::size_t most = 256;
    std::size_t end = std::min(name.size(), most);
    while (end > 0 && end < name.size() && (static_cast<unsigned char>(name[end]) & 0xC0U) == 0x80U) {
        --end;  // not within a character
    }
    std::string out(name.substr(0, end));
    std::replace_if(
        out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
    return out;
}

}  // namespace wsidecar::proto
