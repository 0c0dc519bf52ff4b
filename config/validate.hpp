#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/load.hpp"

namespace wsidecar::config {

/// Where a key was given: in the file, or by a flag or an environment variable.
struct key_place {
    std::string file;  ///< as in complaint
    int line = 0;
    int column = 0;
};
using key_places = std::map<std::string, key_place>;

/// Complains about values that are well-formed one by one but impossible, or impossible together. A key without a place is told of
/// as one of `file`.
void validate(const config& c, const std::string& file, const key_places& places, std::vector<complaint>& to);

}  // namespace wsidecar::config
