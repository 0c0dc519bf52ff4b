#pragma once

#include <map>
#include <string>

#include "config/load.hpp"

namespace wsidecar::config {

/// Puts the values of the environment and of flags over those of the file. Routes have copies of some global settings, which they
/// follow as far as the file gave them none of their own. Returns each key that was set so, and the variable or "flag".
std::map<std::string, std::string> overlay(loaded& to, const load_options& options);

/// Reads the files that settings name (`password_file` and the like) into the settings.
void read_secrets(loaded& to);

}  // namespace wsidecar::config
