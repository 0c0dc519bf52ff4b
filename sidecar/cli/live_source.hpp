#pragma once

#include <functional>
#include <string>

#include "config/config.hpp"

namespace wsidecar::cli {

/// Watches the channel, pattern or list of an entry of `sources` without taking anything: f(channel or list, payload) for each message
/// that is published, until it returns false. Of a list it sees what is there when it looks: entries that are written and
/// consumed within the same instant may pass unseen. Exit code: 0; 1 where Redis cannot be reached.
int watch_source(const config::config& c, const config::source& s, const std::string& name,
                 const std::function<bool(const std::string&, const std::string&)>& f);

}  // namespace wsidecar::cli
