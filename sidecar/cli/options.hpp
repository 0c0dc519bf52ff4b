#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <string>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "config/load.hpp"

namespace wsidecar::cli {

/// --config, --help and one flag for each key of the configuration: --redis-url, --app-retry-deadline ...; --listen,
/// --admin, --app and --redis are short for the four that one needs most.
boost::program_options::options_description configuration_options();

/// What was given of them, as dotted keys, for config::load.
std::vector<std::pair<std::string, std::string>> given_keys(const boost::program_options::variables_map& given);

/// Reads the configuration, now or again.
config::loaded read_configuration(const boost::program_options::variables_map& given);

/// Loads the configuration; all complaints go to standard error. False: do not go on (exit 2).
bool load_configuration(const boost::program_options::variables_map& given, config::config& to);

}  // namespace wsidecar::cli
