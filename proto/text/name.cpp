#include "proto/text/name.hpp"

#include "proto/text/utf8.hpp"

namespace wsidecar::proto {

bool has_name_form(std::string_view name) {
    return !name.empty() && name.size() <= 256 && name.find_first_of(std::string_view("\0\r\n", 3)) == std::string_view::npos;
}

bool valid_name(std::string_view name) {
    return has_name_form(name) && valid_utf8(name);
}

}  // namespace wsidecar::proto
