#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"

namespace wsidecar::app {

/// The names of the environment's variables.
std::vector<std::string> environment_names();

/// Paths of routes that name their user and ask nobody whether that is true, and what to say of them.
std::vector<std::string> routes_of_anybody(const config::config& c);
extern const char* const anybody_words;

/// Logs the environment's variables that are nearly settings. Once for a process is enough: they stay as they are.
void warn_of_variables();

/// Logs what is allowed in a configuration and seldom meant.
void warn_of_oddities(const config::config& config);

}  // namespace wsidecar::app
