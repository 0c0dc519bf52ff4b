#pragma once

#include <string_view>

namespace wsidecar::proto {

/// Whether the text has 1 to 256 bytes without NUL, CR and LF.
bool has_name_form(std::string_view name);

/// Whether this can be the name of a user, alias, group, connection or destination: it must also be UTF-8.
bool valid_name(std::string_view name);

}  // namespace wsidecar::proto
