#pragma once

#include <string>
#include <string_view>

namespace wsidecar::cli {

/// Clients choose names and reasons: none may speak to the terminal. Control characters become `?`.
std::string printable(std::string_view s);

}  // namespace wsidecar::cli
