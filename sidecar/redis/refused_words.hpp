#pragma once

#include <string>
#include <string_view>

#include "sidecar/core/log.hpp"

namespace wsidecar::redis {

/// Redis's error text, followed by the remedy if the text alone does not suggest it.
inline std::string refused_words(std::string_view error) {
    std::string words(error);
    if (error.starts_with("NOPERM") ||
        error.find("can't run this command") != std::string_view::npos) {  // the latter in scripts
        words += " (sidecar/operating.md, section Permissions, lists what redis.username has to be allowed)";
    }
    return words;
}

/// Logs a command that Redis refuses, at most once in 10 s.
inline void log_refused(std::string_view component, std::string_view what, std::string_view error) {
    core::log::limited(core::log::level::error, component, what, {{"error", refused_words(error)}});
}

}  // namespace wsidecar::redis
