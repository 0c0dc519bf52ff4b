#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/config.hpp"

namespace wsidecar::redis {

struct one_reply {
    std::string error;  ///< empty: done
    std::int64_t number = 0;
};

/// One command over a connection of its own, blocking, within 5 s: for the command line.
one_reply run_once(const config::config& c, const std::vector<std::string>& words);

}  // namespace wsidecar::redis
