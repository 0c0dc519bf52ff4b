#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>

#include "config/config.hpp"

namespace wsidecar::cli {

/// --user, --alias, --group, --connection, --all; --text, --json, --file; --list.
boost::program_options::options_description push_options();

/// `wsidecar push`: PUBLISHes to the addressed channel (with --list: RPUSHes an envelope to the outbox). With
/// `redis.url: none` it goes through POST /push of the running instance. Exit code.
int push(const boost::program_options::variables_map& given, const config::config& c);

}  // namespace wsidecar::cli
