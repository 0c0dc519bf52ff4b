#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <cstdint>
#include <span>
#include <string>

#include "config/config.hpp"

namespace wsidecar::cli {

enum class needs : std::uint8_t { nothing, configuration };

/// One command. The table of them is the one source of --help, of the completion scripts and of the manual page.
struct command {
    const char* name;
    const char* help;
    boost::program_options::options_description (*own_options)();
    const char* positional;  ///< the option that a word without a flag stands for; null: none
    int (*run)(const boost::program_options::variables_map&, const config::config&);
    needs wants;
};

/// "push [OPTIONS] [TEXT]".
std::string usage_of(const command& c);

std::string bash_completion(std::span<const command> commands);
std::string zsh_completion(std::span<const command> commands);
/// wsidecar(1), for man.
std::string manual_page(std::span<const command> commands);

}  // namespace wsidecar::cli
