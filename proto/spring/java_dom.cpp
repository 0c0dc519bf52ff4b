#include "proto/spring/java_dom.hpp"

#include <algorithm>

namespace wsidecar::proto {

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
