#pragma once

#include <string>
#include <string_view>

namespace wsidecar::redis {

/// An error of Redis in its own words, with the cure where the words alone do not lead to it.
inline std::string refused_words(std::string_view error) {
    std::string words(error);
    if (error.substr(0, 6) == "NOPERM") {
        words += " (sidecar/operating.md, section Permissions, lists what redis.username has to be allowed)";
    }
    return words;
}

}  // namespace wsidecar::redis
