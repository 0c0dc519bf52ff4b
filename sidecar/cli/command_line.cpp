#include "sidecar/cli/command_line.hpp"

#include <boost/program_options.hpp>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"
#include "proto/text/percent.hpp"
#include "sidecar/app/application.hpp"
#include "sidecar/app/config_warnings.hpp"
#include "sidecar/cli/admin_client.hpp"
#include "sidecar/cli/commands.hpp"
#include "sidecar/cli/explain.hpp"
#include "sidecar/cli/options.hpp"
#include "sidecar/cli/push.hpp"
#include "sidecar/cli/top.hpp"
#include "sidecar/cli/trace.hpp"
#include "sidecar/core/log.hpp"

namespace wsidecar::cli {
namespace po = boost::program_options;
namespace {

po::options_description no_options() {
    return po::options_description();
}

po::options_description completion_options() {
    po::options_description out("Completion");
    out.add_options()("shell", po::value<std::string>()->value_name("bash|zsh"), "the shell that reads it");
    return out;
}

int completion(const po::variables_map& given, const config::config& c);
int man(const po::variables_map& given, const config::config& c);

po::options_description connections_options() {
    po::options_description out("Connections");
    out.add_options()("user", po::value<std::string>()->value_name("NAME"), "only this user's connections");
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
    for (const auto& route : app::routes_of_anybody(c)) {
        std::cerr << "warning: route " << route << ": " << app::anybody_words << '\n';
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
    {"run", "serve (the default)", no_options, nullptr, serve, needs::configuration},
    {"check", "print the effective configuration, secrets masked", check_options, nullptr, check, needs::configuration},
    {"push", "send a message to clients", push_options, "text", push, needs::configuration},
    {"trace", "show what became of a push, or a user's connections and waiting pushes, on all pods", trace_options, "id", trace,
     needs::configuration},
    {"connections", "list the connections of the running instance", connections_options, nullptr, connections,
     needs::configuration},
    {"top", "live view of the running instance", top_options, nullptr, top, needs::configuration},
    {"explain", "show what a payload of an app's own channel, list or stream would do", explain_options, nullptr, explain,
     needs::configuration},
    {"drain", "drain the running instance; returns when that is done", no_options, nullptr, drain, needs::configuration},
    {"completion", "print the completion script of a shell", completion_options, "shell", completion, needs::nothing},
    {"man", "print the manual page", no_options, nullptr, man, needs::nothing},
    {"version", "print the version", no_options, nullptr, version, needs::nothing},
};

int completion(const po::variables_map& given, const config::config&) {
    const auto shell = given.count("shell") != 0 ? given["shell"].as<std::string>() : std::string();
    if (shell != "bash" && shell != "zsh") {
        std::cerr << "wsidecar completion: bash or zsh\n";
        return 2;
    }
    std::cout << (shell == "bash" ? bash_completion(commands) : zsh_completion(commands));
    return 0;
}

int man(const po::variables_map&, const config::config&) {
    std::cout << manual_page(commands);
    return 0;
}

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
                 ": WebSockets for applications that run in more than one replica\n\n"
                 "Usage: wsidecar [COMMAND] [OPTIONS]\n\nCommands:\n";
    for (const auto& c : commands) {
        std::cout << "  " << c.name << std::string(14 - std::string_view(c.name).size(), ' ') << c.help << '\n';
    }
    std::cout << "\n`wsidecar COMMAND --help` lists a command's options; the configuration file is described in\n"
                 "config/wsidecar.yaml. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.\n";
}

/// Commands that only talk to a running instance, or to Redis, seldom need more of the configuration than where these are.
void print_help(const command& c, const po::options_description& all) {
    std::cout << "Usage: wsidecar " << usage_of(c) << "\n\n  " << c.help << "\n\n";
    if (c.run == serve || c.run == check || c.wants == needs::nothing) {
        std::cout << all;
    } else {
        po::options_description few("Common options");
        few.add_options()("help,h", "this text")("config,c", po::value<std::string>()->value_name("FILE"), "YAML file")(
            "admin", po::value<std::string>()->value_name("ADDRESS"), "the admin address of the running instance")(
            "redis", po::value<std::string>()->value_name("URL"), "Redis");
        std::cout << c.own_options() << few << "\nEvery setting is a flag too: wsidecar run --help\n";
    }
}

int run_command(const command& c, const std::vector<std::string>& words) {
    po::options_description all;
    all.add_options()("help,h", "this text");
    all.add(c.own_options());
    if (c.wants == needs::configuration) {
        all.add(configuration_options());
    }
    po::positional_options_description positional;
    if (c.positional != nullptr) {
        positional.add(c.positional, 1);
    }
    po::variables_map given;
    const int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(words).options(all).positional(positional).style(style).run(), given);
    // The image sets it, so that a command inside a pod reads the mounted file too.
    if (const char* file = std::getenv("WSIDECAR_CONFIG");
        c.wants == needs::configuration && given.count("config") == 0 && file != nullptr && *file != '\0') {
        given.insert({"config", po::variable_value(std::string(file), true)});  // "defaulted": no flag named it
    }
    if (given.count("help") != 0) {
        print_help(c, all);
        return 0;
    }
    config::config configuration;
    if (c.wants == needs::configuration && !load_configuration(given, configuration)) {
        return 2;
    }
    if (c.run != serve) {
        core::log::configure(core::log::level::error, core::log::format::text);  // standard output is the answer's
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
