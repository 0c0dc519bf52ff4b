#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/load.hpp"

namespace wsidecar::config {

/// Complains about values that are well-formed one by one but impossible, or impossible together.
/// `positions`: where in the file a key was given.
void validate(const config& c, const std::string& file, const std::map<std::string, std::pair<int, int>>& positions,
              std::vector<complaint>& to);

}  // namespace wsidecar::config
