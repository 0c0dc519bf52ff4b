#pragma once

#include <string_view>

namespace wsidecar::proto {

/// 1 to 256 bytes without NUL, CR, LF.
bool has_name_form(std::string_view name);

/// Whether this can name a user, alias, group, connection or destination: the same, and UTF-8.
bool valid_name(std::string_view name);

}  // namespace wsidecar::proto
