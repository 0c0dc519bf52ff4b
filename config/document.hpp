#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"

namespace YAML {
class Node;
}

namespace wsidecar::config {

inline constexpr std::size_t max_file = 1024 * 1024;

/// Parses one YAML document within bounds: 1 MiB, UTF-8 without NUL, 100,000 values (an alias counts as all that it stands
/// for, so that aliases of aliases can't multiply), 64 levels. Returns false after a complaint.
bool parse_document(std::string_view text, const std::string& name, YAML::Node& root, std::vector<complaint>& to);

}  // namespace wsidecar::config
