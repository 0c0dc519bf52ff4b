#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <string>
#include <string_view>

#include "config/config.hpp"

namespace wsidecar::cli {

/// --once, --interval.
boost::program_options::options_description top_options();

/// `wsidecar top`: the console's snapshot in the terminal, each second, until it is interrupted. Exit code.
int top(const boost::program_options::variables_map& given, const config::config& c);

/// A snapshot (app/snapshot.hpp, as JSON) as lines of text. What is no printable text is replaced: names are clients' own. An empty
/// string: `body` is no snapshot.
std::string top_text(std::string_view body);

}  // namespace wsidecar::cli
