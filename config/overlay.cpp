#include "config/overlay.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <utility>

#include "config/settings.hpp"
#include "config/values.hpp"

namespace wsidecar::config {
namespace {

void set_by_key(loaded& to, const std::string& origin, const std::string& key, const std::string& value) {
    for (const auto& s : settings()) {
        if (s.key != key) {
            continue;
        }
        std::vector<std::string> words{value};
        if (s.type == kind::texts) {
            words.clear();
            std::istringstream in(value);
            for (std::string word; std::getline(in, word, ',');) {
                if (const auto first = word.find_first_not_of(" []"); first != std::string::npos) {
                    words.push_back(word.substr(first, word.find_last_not_of(" []") - first + 1));
                }
            }
        }
        if (const auto wrong = s.set(to.values, words)) {
            to.complaints.push_back({origin, 0, 0, "'" + key + "' " + *wrong + (s.secret ? "" : ", not '" + value + "'")});
        }
        return;
    }
    to.complaints.push_back({origin, 0, 0, "unknown key '" + key + "'"});
}

/// Secrets, one a line.
std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.ends_with('\r')) {
            line.pop_back();
        }
        if (!line.empty()) {
            out.push_back(line);
        }
    }
    return out;
}

/// WSIDECAR_ROUTES, WSIDECAR_SOURCES_0_CHANNEL: the list whose entries only the file can have; empty: none.
std::string_view list_of_the_file(std::string_view name) {
    static constexpr std::pair<std::string_view, std::string_view> lists[] = {
        {"ROUTES", "routes"}, {"SOURCES", "sources"}, {"HISTORY", "history"}};
    for (const auto& [variable, key] : lists) {
        if (name == variable || (name.starts_with(variable) && name[variable.size()] == '_')) {
            return key;
        }
    }
    return {};
}

}  // namespace

std::map<std::string, std::string> overlay(loaded& to, const load_options& options) {
    std::map<std::string, std::string> origins;
    const config before = to.values;
    if (options.environment) {
        for (const auto& s : settings()) {
            if (const char* value = options.environment(environment_name(s.key).c_str())) {
                origins[s.key] = environment_name(s.key);
                set_by_key(to, origins[s.key], s.key, value);
            }
        }
    }
    for (const auto& [key, value] : options.flags) {
        origins[key] = "flag";
        set_by_key(to, origins[key], key, value);
    }
    for (auto& r : to.values.routes) {
        for (const auto& s : route_settings()) {
            const auto global =
                std::find_if(settings().begin(), settings().end(), [&](const auto& g) { return g.key == s.key; });
            if (global != settings().end() && global->get(before) != global->get(to.values) &&
                s.get(r) == global->get(before)) {
                s.set(r, global->get(to.values));
            }
        }
        r.limits.sndbuf = to.values.limits.sndbuf;
        r.limits.memory = to.values.limits.memory;
    }
    return origins;
}

void read_secrets(loaded& to) {
    config& c = to.values;
    const auto read = [&](const char* key, const std::string& path) -> std::string {
        if (path.empty()) {
            return {};
        }
        errno = 0;
        const auto text = read_secret(path);
        if (!text || text->empty()) {  // an empty one would quietly mean no password, no signature, no token
            const std::string why = errno != 0 ? std::string(": ") + std::strerror(errno) : "";
            to.complaints.push_back(
                {path, 0, 0, (text ? std::string("is empty") : "can't be read" + why) + " ('" + key + "')"});
        }
        return text.value_or("");
    };
    if (!c.redis.password_file.empty()) {
        c.redis.password = read("redis.password_file", c.redis.password_file);
    }
    if (!c.redis.sentinel.password_file.empty()) {
        c.redis.sentinel.password = read("redis.sentinel.password_file", c.redis.sentinel.password_file);
    }
    if (!c.app.signing_secret_file.empty()) {
        c.app.signing_secrets = lines_of(read("app.signing_secret_file", c.app.signing_secret_file));
    }
    c.admin.token = read("admin.token_file", c.admin.token_file);
    c.push.secrets = lines_of(read("push.secret_file", c.push.secret_file));
    for (auto& r : c.routes) {
        r.jwt.jwks = read("jwt.jwks_file", r.jwt.jwks_file);
        r.jwt.secrets = lines_of(read("jwt.secret_file", r.jwt.secret_file));
    }
}

namespace {

constexpr std::string_view front = "WSIDECAR_";
constexpr std::size_t longest_variable = 100;

/// As a setting's variable is written: wsidecar.redis.url is WSIDECAR_REDIS_URL.
std::string as_a_variable(std::string name) {
    for (char& c : name) {
        c = c == '.' || c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return name;
}

/// Kubernetes sets these for each Service.
bool is_of_a_service(std::string_view name) {
    return name.ends_with("_PORT") || name.find("_PORT_") != std::string_view::npos ||
           name.find("_SERVICE_") != std::string_view::npos;
}

/// A variable that was meant, and how many letters differ.
struct guess {
    std::string meant;  ///< empty: nothing is near enough
    std::size_t distance = 0;
};

/// The variable that `written` differs least from, in at most `most` letters.
guess nearest(const std::string& written, std::size_t most) {
    guess best{{}, most + 1};
    const auto consider = [&](const std::string& candidate) {
        const auto a = candidate.size();
        const auto b = written.size();
        if ((a > b ? a - b : b - a) >= best.distance) {
            return;
        }
        if (const std::size_t d = edit_distance(written, candidate); d < best.distance) {
            best = {candidate, d};
        }
    };
    consider("WSIDECAR_CONFIG");
    for (const auto& s : settings()) {
        consider(environment_name(s.key));
    }
    return best;
}

/// WSIDECAR_APP is how --app is called: the variable that goes on after `written`, the main one if there are several.
std::string longer_one(const std::string& written) {
    std::string best;
    for (const auto& s : settings()) {
        const std::string candidate = environment_name(s.key);
        const bool main = candidate.ends_with("_URL") || candidate.ends_with("_ADDRESS");
        if (written.size() > front.size() + 2 && candidate.starts_with(written) && (best.empty() || main)) {
            best = candidate;
        }
    }
    return best;
}

/// The variable that was meant by `name`, which is `written` in capital letters; empty: `name` is one, or somebody else's.
std::string meant_by(const std::string& name, const std::string& written) {
    if (!written.starts_with(front)) {
        // Many a program has variables that begin with SIDECAR_, so that this is no slip. The first letters alone rule out nearly all others.
        const bool near = !written.starts_with("SIDECAR") && edit_distance(written.substr(0, 8), front.substr(0, 8)) <= 4;
        return near ? nearest(written, 2).meant : "";
    }
    const auto best = nearest(written, std::max<std::size_t>(1, (written.size() + 1 - front.size()) / 4));
    if (best.meant == name) {
        return {};
    }
    return best.meant.empty() ? longer_one(written) : best.meant;
}

}  // namespace

std::vector<std::string> misspelt_variables(const std::vector<std::string>& names) {
    std::vector<std::string> out;
    for (const auto& name : names) {
        if (name.size() > longest_variable) {
            continue;
        }
        const std::string written = as_a_variable(name);
        if (is_of_a_service(written)) {
            continue;
        }
        const auto list =
            written.starts_with(front) ? list_of_the_file(std::string_view(written).substr(front.size())) : std::string_view();
        if (!list.empty()) {
            out.push_back("the environment variable " + name + " has no effect: '" + std::string(list) +
                          "' can only be set in the configuration file");
            continue;
        }
        if (const auto meant = meant_by(name, written); !meant.empty()) {
            out.push_back("the environment variable " + name + " is not a setting and has no effect: did you mean " + meant +
                          "?");
        }
    }
    return out;
}

}  // namespace wsidecar::config
