#include "sidecar/cli/command_line.hpp"

#include <boost/program_options.hpp>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"
#include "proto/percent.hpp"
#include "sidecar/app/application.hpp"
#include "sidecar/cli/admin_client.hpp"
#include "sidecar/cli/explain.hpp"
#include "sidecar/cli/options.hpp"
#include "sidecar/cli/push.hpp"
#include "sidecar/cli/top.hpp"

namespace wsidecar::cli {
namespace po = boost::program_options;
namespace {

struct command {
    const char* name;
    const char* help;
    po::options_description (*own_options)();
    int (*run)(const po::variables_map&, const config::config&);
};

po::options_description no_options() {
    return po::options_description();
}

po::options_description connections_options() {
    po::options_description out("Connections");
    out.add_options()("user", po::value<std::string>()->value_name("NAME"), "only this user's");
    return out;
}

po::options_description check_options() {
    po::options_description out("Check");
    out.add_options()("schema", "print the JSON Schema of the configuration file instead");
    return out;
}

int serve(const po::variables_map& given, const config::config& c) {
    app::configuration_source source;
    source.load = [given] { return read_configuration(given); };
    source.file = given.count("config") != 0 ? given["config"].as<std::string>() : "";
    return app::application(c, std::move(source)).run();
}

int check(const po::variables_map& given, const config::config& c) {
    for (const auto& warning : config::misspelt_variables(app::environment_names())) {
        std::cerr << "warning: " << warning << '\n';
    }
    std::cout << (given.count("schema") != 0 ? config::json_schema() : config::print(c));
    return 0;
}

int report(const char* what, const admin_reply& reply) {
    if (reply.status / 100 != 2) {
        std::cerr << "wsidecar " << what << ": " << reply.body << '\n';
        return 1;
    }
    std::cout << reply.body;
    return 0;
}

int connections(const po::variables_map& given, const config::config& c) {
    std::string target = "/connections";
    if (given.count("user") != 0) {
        target += "?user=" + proto::percent_encode_segment(given["user"].as<std::string>());
    }
    return report("connections", call_admin(c.admin.address, "GET", target, "", c.admin.token));
}

int drain(const po::variables_map&, const config::config& c) {
    return report("drain", call_admin(c.admin.address, "POST", "/drain", "", c.admin.token, true));
}

int version(const po::variables_map&, const config::config&) {
    std::cout << "wsidecar " WSIDECAR_VERSION "\n";
    return 0;
}

constexpr command commands[] = {
    {"run", "serve (the default)", no_options, serve},
    {"check", "print the effective configuration, secrets masked", check_options, check},
    {"push", "send a message to clients", push_options, push},
    {"connections", "list the connections of the running instance", connections_options, connections},
    {"top", "show the running instance, each second", top_options, top},
    {"explain", "say what a payload of an app's own channel or list would do", explain_options, explain},
    {"drain", "drain the running instance; returns when that is done", no_options, drain},
    {"version", "print the version", no_options, version},
};

const command* find(std::string_view name) {
    for (const auto& c : commands) {
        if (name == c.name) {
            return &c;
        }
    }
    return nullptr;
}

void print_overview() {
    std::cout << "wsidecar " WSIDECAR_VERSION
                 ": WebSockets for app servers that cannot share theirs\n\n"
                 "Usage: wsidecar [COMMAND] [OPTIONS]\n\nCommands:\n";
    for (const auto& c : commands) {
        std::cout << "  " << c.name << std::string(14 - std::string_view(c.name).size(), ' ') << c.help << '\n';
    }
    std::cout << "\n`wsidecar COMMAND --help` lists a command's options; the configuration file is described in\n"
                 "config/wsidecar.yaml. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.\n";
}

int run_command(const command& c, const std::vector<std::string>& words) {
    po::options_description all;
    all.add_options()("help,h", "this text");
    all.add(c.own_options()).add(configuration_options());
    po::variables_map given;
    const int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(words).options(all).positional({}).style(style).run(), given);
    // The image sets it, so that a command inside a pod reads the mounted file too.
    if (const char* file = std::getenv("WSIDECAR_CONFIG"); given.count("config") == 0 && file != nullptr && *file != '\0') {
        given.insert({"config", po::variable_value(std::string(file), false)});
    }
    if (given.count("help") != 0) {
        std::cout << "Usage: wsidecar " << c.name << " [OPTIONS]: " << c.help << "\n" << all;
        return 0;
    }
    config::config configuration;
    if (c.run != version && !load_configuration(given, configuration)) {
        return 2;
    }
    return c.run(given, configuration);
}

}  // namespace

int run(int argc, char** argv) {
    std::vector<std::string> words(argv + 1, argv + argc);
    std::string name = "run";
    if (!words.empty() && (words[0] == "--help" || words[0] == "-h" || words[0] == "help")) {
        print_overview();
        return 0;
    }
    if (!words.empty() && words[0] == "--version") {
        words[0] = "version";
    }
    if (!words.empty() && words[0][0] != '-') {
        name = words[0];
        words.erase(words.begin());
    }
    const command* c = find(name);
    if (c == nullptr) {
        std::cerr << "wsidecar: no command '" << name << "'; see wsidecar --help\n";
        return 2;
    }
    try {
        return run_command(*c, words);
    } catch (const po::error& e) {
        std::cerr << "wsidecar " << name << ": " << e.what() << "; see wsidecar " << name << " --help\n";
        return 2;
    } catch (const std::exception& e) {
        std::cerr << "wsidecar " << name << ": " << e.what() << '\n';
        return 1;
    }
}

}  // namespace wsidecar::cli
