#include "sidecar/cli/options.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "config/load.hpp"
#include "config/settings.hpp"
#include "proto/http/path.hpp"
#include "sidecar/net/token_check.hpp"

namespace wsidecar::cli {
namespace po = boost::program_options;
namespace {

struct short_name {
    const char* flag;
    const char* key;
};
constexpr short_name short_names[] = {
    {"listen", "listen.address"}, {"admin", "admin.address"}, {"app", "app.url"}, {"redis", "redis.url"}};

std::string flag_name(std::string key) {
    std::replace_if(
        key.begin(), key.end(), [](char c) { return c == '.' || c == '_'; }, '-');
    return key;
}

}  // namespace

po::options_description configuration_options() {
    po::options_description out("Configuration (flags override WSIDECAR_* variables, which override the file)");
    auto add = out.add_options();
    add("config,c", po::value<std::string>()->value_name("FILE"), "YAML file (also: WSIDECAR_CONFIG)");
    for (const auto& s : short_names) {
        add(s.flag, po::value<std::string>()->value_name("VALUE"), (std::string("short for --") + flag_name(s.key)).c_str());
    }
    for (const auto& s : config::settings()) {
        if (!s.secret || s.key == "redis.url") {  // a secret on a command line is everybody's: ps shows it
            add(flag_name(s.key).c_str(), po::value<std::string>()->value_name("VALUE"), s.help.c_str());
        }
    }
    return out;
}

std::vector<std::pair<std::string, std::string>> given_keys(const po::variables_map& given) {
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& s : config::settings()) {
        if (const auto name = flag_name(s.key); given.count(name) != 0) {
            out.emplace_back(s.key, given[name].as<std::string>());
        }
    }
    for (const auto& s : short_names) {
        if (given.count(s.flag) != 0) {
            out.emplace_back(s.key, given[s.flag].as<std::string>());
        }
    }
    return out;
}

config::loaded read_configuration(const po::variables_map& given) {
    config::load_options options;
    if (given.count("config") != 0) {
        options.file = given["config"].as<std::string>();
        options.file_named_by = given["config"].defaulted() ? "WSIDECAR_CONFIG" : "--config";
    }
    options.flags = given_keys(given);
    options.environment = [](const char* name) { return std::getenv(name); };
    options.pattern_problem = [](std::string_view pattern) -> std::optional<std::string> {
        const auto compiled = proto::route_pattern::compile(pattern);
        return compiled ? std::nullopt : std::optional<std::string>(compiled.error().detail);
    };
    options.keys_problem = [](const config::jwt& read) { return net::token_check::problem_of(read); };
    return config::load(options);
}

bool load_configuration(const po::variables_map& given, config::config& to) {
    auto loaded = read_configuration(given);
    for (const auto& c : loaded.complaints) {
        std::cerr << c.text() << '\n';
    }
    to = std::move(loaded.values);
    return loaded.complaints.empty();
}

}  // namespace wsidecar::cli
