#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <string>
#include <string_view>

#include "config/config.hpp"

namespace wsidecar::cli {

/// ID, or --user; --json.
boost::program_options::options_description trace_options();

/// `wsidecar trace`: asks the running instance, which asks all pods and Redis. Exit code: 0; 1 when nobody knows
/// anything of the push, or nobody answers.
int trace(const boost::program_options::variables_map& given, const config::config& c);

/// The answer of GET /console/message, or of GET /console/user, as lines of text. Empty: `body` is no such answer.
std::string message_text(std::string_view body);
std::string user_text(std::string_view body);

}  // namespace wsidecar::cli
