#include "sidecar/cli/commands.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "sidecar/cli/options.hpp"

namespace wsidecar::cli {
namespace po = boost::program_options;
namespace {

struct flag {
    std::string name;   ///< --user
    std::string value;  ///< NAME; empty: it takes none
    std::string help;
};

std::vector<flag> flags_of(const po::options_description& options) {
    std::vector<flag> out;
    for (const auto& o : options.options()) {
        const auto value = o->semantic()->max_tokens() == 0 ? std::string() : o->semantic()->name();
        out.push_back({"--" + o->long_name(), value, o->description()});
    }
    return out;
}

/// The flags of a command, its own ones first.
std::vector<flag> flags_of(const command& c) {
    auto out = flags_of(c.own_options());
    if (c.wants == needs::configuration) {
        const auto more = flags_of(configuration_options());
        out.insert(out.end(), more.begin(), more.end());
    }
    out.push_back({"--help", "", "print the command's options"});
    return out;
}

bool is_file(const flag& f) {
    return f.value == "FILE" || f.name.ends_with("-file") || f.help.starts_with("PEM file");
}

/// Text between single quotes of a shell, where `:` and brackets mean something to zsh.
std::string zsh_text(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\'') {
            out += "'\\''";
            continue;
        }
        if (c == ':' || c == '[' || c == ']' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    return out;
}

/// Text of a manual page: roff takes a leading dot or quote for a request, and a backslash for an escape.
std::string roff(std::string_view text) {
    std::string out;
    for (const char c : text) {
        out += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
    }
    return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

void manual_flags(std::string& out, const std::vector<flag>& flags) {
    for (const auto& f : flags) {
        out += ".TP\n.B " + roff(f.name) + (f.value.empty() ? "" : "\\fR \\fI" + roff(f.value) + "\\fR") + "\n" + roff(f.help) +
               "\n";
    }
}

}  // namespace

std::string usage_of(const command& c) {
    std::string out = std::string(c.name) + (c.wants == needs::configuration ? " [OPTIONS]" : "");
    if (c.positional != nullptr) {
        const auto own = c.own_options();
        out += " [" + own.find(c.positional, false).semantic()->name() + "]";
    }
    return out;
}

std::string bash_completion(std::span<const command> commands) {
    std::string names;
    std::string cases;
    std::string files;
    for (const auto& c : commands) {
        names += (names.empty() ? "" : " ") + std::string(c.name);
        cases += "    " + std::string(c.name) + ") words='";
        for (const auto& f : flags_of(c)) {
            cases += f.name + ' ';
            if (is_file(f) && (files + '|').find(f.name + '|') == std::string::npos) {
                files += (files.empty() ? "" : "|") + f.name;
            }
        }
        cases += std::string(c.name) == "completion" ? "bash zsh'" : "'";
        cases += " ;;\n";
    }
    return "# bash completion of wsidecar; `wsidecar completion bash` prints it.\n"
           "_wsidecar() {\n"
           "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} words=''\n"
           "  COMPREPLY=()\n"
           "  if [ \"$COMP_CWORD\" -eq 1 ] && [[ $current != -* ]]; then\n"
           "    COMPREPLY=($(compgen -W '" +
           names +
           "' -- \"$current\"))\n"
           "    return\n"
           "  fi\n"
           "  case $before in\n"
           "    -c|" +
           files +
           ") COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n"
           "  esac\n"
           "  case $command in -*) command=run ;; esac\n"
           "  case $command in\n" +
           cases +
           "  esac\n"
           "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
           "}\n"
           "complete -o filenames -F _wsidecar wsidecar\n";
}

std::string zsh_completion(std::span<const command> commands) {
    std::string names;
    std::string cases;
    for (const auto& c : commands) {
        names += "    '" + std::string(c.name) + ':' + zsh_text(c.help) + "'\n";
        cases += "    " + std::string(c.name) + ")\n      _arguments \\\n";
        for (const auto& f : flags_of(c)) {
            cases += "        '*" + f.name + '[' + zsh_text(f.help) + ']' +
                     (f.value.empty() ? "" : ':' + zsh_text(f.value) + ':' + (is_file(f) ? "_files" : "")) + "' \\\n";
        }
        cases += std::string(c.name) == "completion" ? "        '1:shell:(bash zsh)'\n" : "        '*: :()'\n";
        cases += "      ;;\n";
    }
    return "#compdef wsidecar\n"
           "# zsh completion of wsidecar; `wsidecar completion zsh` prints it.\n"
           "_wsidecar() {\n"
           "  local -a commands\n"
           "  commands=(\n" +
           names +
           "  )\n"
           "  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
           "    _describe command commands\n"
           "    return\n"
           "  fi\n"
           "  local command=$words[2]\n"
           "  [[ $command == -* ]] && command=run || { shift words; (( CURRENT-- )); }\n"
           "  case $command in\n" +
           cases +
           "  esac\n"
           "}\n"
           "if [ \"$funcstack[1]\" = _wsidecar ]; then _wsidecar \"$@\"; else compdef _wsidecar wsidecar; fi\n";
}

std::string manual_page(std::span<const command> commands) {
    std::string out = ".TH WSIDECAR 1 \"\" \"wsidecar " WSIDECAR_VERSION
                      "\" \"User Commands\"\n"
                      ".SH NAME\nwsidecar \\- WebSockets for applications that run in more than one replica\n"
                      ".SH SYNOPSIS\n";
    for (const auto& c : commands) {
        out += ".B wsidecar\n" + roff(usage_of(c)) + "\n.br\n";
    }
    out +=
        ".SH DESCRIPTION\n"
        "wsidecar runs next to an application server. It holds the WebSocket connections of clients, turns their messages into "
        "HTTP requests to the application, and delivers what any replica writes to Redis.\n"
        ".SH COMMANDS\n";
    for (const auto& c : commands) {
        out += ".SS \"" + roff(usage_of(c)) + "\"\n" + roff(c.help) + ".\n";
        manual_flags(out, flags_of(c.own_options()));
    }
    out +=
        ".SH OPTIONS\nThe settings of the configuration file, except secrets and lists of maps (routes, sources, history), are "
        "flags of "
        "each command. Flags override the environment, which overrides the file.\n";
    manual_flags(out, flags_of(configuration_options()));
    out +=
        ".SH ENVIRONMENT\nThese settings, and secrets, are also variables: redis.url is \\fBWSIDECAR_REDIS_URL\\fR. The pod's "
        "name is "
        "POD_NAME, otherwise HOSTNAME, otherwise the host's name.\n"
        ".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage or configuration.\n"
        ".SH SIGNALS\nSIGTERM and SIGINT drain the instance and end it; a second one ends it within 2 s. SIGHUP reads the "
        "configuration again.\n";
    return out;
}

}  // namespace wsidecar::cli
