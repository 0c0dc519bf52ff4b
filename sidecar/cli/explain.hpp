#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>

#include "config/config.hpp"

namespace wsidecar::cli {

/// --channel or --list.
boost::program_options::options_description explain_options();

/// Reads a payload from standard input and prints, for each entry of `sources` that has this channel or list: how it is written, what
/// it says, whom it is for, what they would get, and who of them is connected now. Sends nothing. 0; 1 when no source takes it.
int explain(const boost::program_options::variables_map& given, const config::config& c);

}  // namespace wsidecar::cli
