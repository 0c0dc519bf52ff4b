#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.hpp"

namespace wsidecar::redis {

struct one_reply {
    std::string error;  ///< empty on success
    std::int64_t number = 0;
};

/// Runs one command over its own connection and blocks for at most 5 s. For the command line only, not for the event loop.
one_reply run_once(const config::config& c, const std::vector<std::string>& words);

}  // namespace wsidecar::redis
