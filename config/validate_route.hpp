#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/config.hpp"

namespace wsidecar::config {

/// Takes what is wrong with the value that is looked at.
using complain = std::function<void(std::string message)>;

/// Checks what a route says against itself and, for what it inherits, against `global`.
void validate_route(const config& global, const route& r, const complain& here);

/// The same for lists that are there globally and for each route. `key`: the setting's name.
void validate_headers(const std::string& key, const std::vector<std::string>& list, const complain& here);
void validate_origins(const std::vector<std::string>& list, const complain& here);

}  // namespace wsidecar::config
