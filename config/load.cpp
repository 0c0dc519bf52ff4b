#include "config/load.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <tuple>
#include <type_traits>

#include "config/document.hpp"
#include "config/overlay.hpp"
#include "config/settings.hpp"
#include "config/validate.hpp"
#include "config/values.hpp"

namespace wsidecar::config {
namespace {

constexpr int max_depth = 8;
// Each route has its own copy of the lists that it inherits: neither many routes nor long lists may multiply.
constexpr std::size_t max_routes = 1000;
constexpr std::size_t max_sources = 100;
constexpr std::size_t max_histories = 100;
constexpr std::size_t max_words = 2000;
constexpr std::size_t max_complaints = 100;

/// Reads one YAML document into a config, collecting every complaint.
class reader {
public:
    reader(std::string name, loaded& to) : name_(std::move(name)), to_(to) {}

    void document(const YAML::Node& root) {
        if (root.IsNull()) {
            return;
        }
        if (!root.IsMap()) {
            complain(root, "the file is a map of settings");
            return;
        }
        YAML::Node routes;
        walk(root, "", settings(), to_.values, [&](const std::string& key, const YAML::Node& value) {
            if (key == "routes") {
                routes.reset(value);
                return true;
            }
            if (key == "sources") {
                sources(value);
                return true;
            }
            if (key == "history") {
                history(value);
                return true;
            }
            return false;
        });
        for (auto& r : to_.values.routes) {
            inherit(r);
        }
        if (routes.IsDefined() && !routes.IsNull()) {
            read_routes(routes);
        }
    }

    /// Where a key stands in the file, for complaints about values that do not fit together.
    key_places places;

private:
    void complain(const YAML::Node& at, std::string message) {
        const YAML::Mark m = at.Mark();
        to_.complaints.push_back({name_, m.is_null() ? 0 : m.line + 1, m.is_null() ? 0 : m.column + 1, std::move(message)});
    }

    template <class Table, class Struct, class Special>
    void walk(const YAML::Node& map, const std::string& above, const Table& table, Struct& into, Special special,
              int depth = 0) {
        std::set<std::string> seen;
        for (const auto& item : map) {
            if (!item.first.IsScalar()) {
                complain(item.first, "a key is a word");
                continue;
            }
            const std::string word = item.first.Scalar();
            const std::string key = above.empty() ? word : above + '.' + word;
            if (!seen.insert(word).second) {
                complain(item.first, "repeated key '" + key + "'");
                continue;
            }
            if (special(key, item.second)) {
                continue;
            }
            one(item.first, item.second, key, table, into, special, depth);
        }
    }

    template <class Table, class Struct, class Special>
    void one(const YAML::Node& at, const YAML::Node& value, const std::string& key, const Table& table, Struct& into,
             Special special, int depth) {
        const auto setting = std::find_if(table.begin(), table.end(), [&](const auto& s) { return s.key == key; });
        if (setting != table.end()) {
            places.emplace(key, key_place{name_, value.Mark().line + 1, value.Mark().column + 1});
            assign(value, *setting, into);
            return;
        }
        const std::string prefix = key + '.';
        const bool group = std::any_of(table.begin(), table.end(), [&](const auto& s) { return s.key.starts_with(prefix); });
        if (!group) {
            complain(at, "unknown key '" + key + "'" + suggestion<Struct>(key, table));
        } else if (value.IsMap() && depth < max_depth) {
            walk(value, key, table, into, special, depth + 1);
        } else if (!value.IsNull()) {
            complain(value, "'" + key + "' is a map of settings");
        }
    }

    template <class Struct, class Table>
    static std::string suggestion(const std::string& key, const Table& table) {
        std::string best;
        if (key.size() > 64) {
            return best;
        }
        std::size_t least = std::max<std::size_t>(1, key.size() / 3);
        const auto consider = [&](const std::string& candidate) {
            const std::size_t d = edit_distance(key, candidate);
            if (d <= least) {
                least = d - (d > 0 ? 1 : 0);
                best = candidate;
            }
        };
        if constexpr (std::is_same_v<Struct, config>) {
            consider("routes");
            consider("sources");
        }
        for (const auto& s : table) {
            // Both the whole key and, for a group, its front.
            for (auto end = s.key.find('.', 0);; end = s.key.find('.', end + 1)) {
                consider(s.key.substr(0, end));
                if (end == std::string::npos) {
                    break;
                }
            }
        }
        if (best.empty()) {
            // A key that stands one level too far left.
            const auto below =
                std::find_if(table.begin(), table.end(), [&](const auto& s) { return s.key.ends_with('.' + key); });
            best = below != table.end() ? below->key : "";
        }
        return best.empty() ? "" : " (did you mean '" + best + "'?)";
    }

    /// `user: {id}` without quotes is a map with one key.
    static std::string advice_for_braces(const std::string& key, const YAML::Node& value) {
        if (!value.IsMap() || value.size() != 1 || !value.begin()->first.IsScalar() || !value.begin()->second.IsNull()) {
            return {};
        }
        return " (quote a value that begins with a brace: " + key + ": \"{" + value.begin()->first.Scalar() + "}\")";
    }

    /// To YAML, `origins: [null]` has no word in it, and neither has an entry with nothing behind its dash.
    static std::string advice_for_null(const std::string& key, const YAML::Node& value, const char* quoted) {
        return value.IsNull() ? " (this is empty to YAML; quote the word null if you mean it: " + key + ": " + quoted + ")"
                              : "";
    }

    template <class Setting, class Struct>
    void assign(const YAML::Node& value, const Setting& s, Struct& into) {
        std::vector<std::string> words;
        if (value.IsScalar()) {
            words.push_back(value.Scalar());
        } else if (value.IsSequence() && s.type == kind::texts) {
            if (value.size() > max_words) {
                complain(value, "'" + s.key + "' has more than " + std::to_string(max_words) + " entries");
                return;
            }
            for (const auto& element : value) {
                if (!element.IsScalar()) {
                    complain(element, "'" + s.key + "' is a list of words" + advice_for_braces(s.key, element) +
                                          advice_for_null(s.key, element, "[\"null\"]"));
                    return;
                }
                words.push_back(element.Scalar());
            }
        } else if (value.IsNull() && s.type == kind::text) {
            words.emplace_back();
        } else {
            const bool list = s.type == kind::texts;
            complain(value, "'" + s.key + "' " + (list ? "is a list" : "is a single value") + advice_for_braces(s.key, value) +
                                (list ? advice_for_null(s.key, value, "\"null\"") : ""));
            return;
        }
        if (const auto wrong = s.set(into, words)) {
            complain(value, "'" + s.key + "' " + *wrong + ", not '" + (s.secret || words.empty() ? "" : words.front()) + "'");
        }
    }

    void inherit(route& r) const {
        const config& c = to_.values;
        r.ping = c.ping;
        r.pong_timeout = c.pong_timeout;
        r.origins = c.origins;
        r.forward_headers = c.forward_headers;
        r.limits = c.limits;
    }

    void read_routes(const YAML::Node& node) {
        if (!node.IsSequence()) {
            complain(node, "'routes' is a list");
            return;
        }
        if (node.size() > max_routes) {
            complain(node, "'routes' has more than " + std::to_string(max_routes) + " entries");
            return;
        }
        to_.values.routes.clear();
        for (const auto& entry : node) {
            if (!entry.IsMap()) {
                complain(entry, "a route is a map with at least 'path'");
                continue;
            }
            route r;
            inherit(r);
            walk(entry, "", route_settings(), r, [](const std::string&, const YAML::Node&) { return false; });
            if (r.protocol == "stomp" && !entry["events"]) {
                r.events = {"connect", "message", "subscribe", "unsubscribe", "disconnect"};
            }
            if (!entry["path"]) {
                complain(entry, "a route needs 'path'");
            }
            r.line = entry.Mark().line + 1;
            r.column = entry.Mark().column + 1;
            to_.values.routes.push_back(std::move(r));
        }
    }

    void sources(const YAML::Node& node) {
        if (node.IsNull()) {
            return;
        }
        if (!node.IsSequence()) {
            complain(node, "'sources' is a list");
            return;
        }
        if (node.size() > max_sources) {
            complain(node, "'sources' has more than " + std::to_string(max_sources) + " entries");
            return;
        }
        for (const auto& entry : node) {
            if (!entry.IsMap()) {
                complain(entry, "a source is a map with 'channel', 'pattern', 'list' or 'stream', and 'to'");
                continue;
            }
            source s;
            walk(entry, "", source_settings(), s, [](const std::string&, const YAML::Node&) { return false; });
            s.line = entry.Mark().line + 1;
            s.column = entry.Mark().column + 1;
            to_.values.sources.push_back(std::move(s));
        }
    }

    void history(const YAML::Node& node) {
        if (node.IsNull()) {
            return;
        }
        if (!node.IsSequence() || node.size() > max_histories) {
            complain(node, "'history' is a list of at most " + std::to_string(max_histories) + " entries");
            return;
        }
        for (const auto& entry : node) {
            if (!entry.IsMap()) {
                complain(entry, "an entry of 'history' is a map with 'name'");
                continue;
            }
            history_rule h;
            walk(entry, "", history_settings(), h, [](const std::string&, const YAML::Node&) { return false; });
            h.line = entry.Mark().line + 1;
            h.column = entry.Mark().column + 1;
            to_.values.history.push_back(std::move(h));
        }
    }

    std::string name_;
    loaded& to_;
};

void check_keys(loaded& to, const load_options& options) {
    for (const auto& r : to.values.routes) {
        const bool read = !r.jwt.jwks.empty() || !r.jwt.secrets.empty();  // else that is complained about already
        if (const auto wrong = read && options.keys_problem ? options.keys_problem(r.jwt) : std::nullopt) {
            const bool set = !r.jwt.jwks.empty();
            to.complaints.push_back({set ? r.jwt.jwks_file : r.jwt.secret_file, 0, 0,
                                     *wrong + (set ? " ('jwt.jwks_file')" : " ('jwt.secret_file')")});
        }
    }
}

void check_patterns(loaded& to, const std::string& name, const load_options& options) {
    if (!options.pattern_problem) {
        return;
    }
    for (const auto& r : to.values.routes) {
        if (const auto wrong = options.pattern_problem(r.path); wrong && r.path.starts_with('/')) {
            to.complaints.push_back({name, r.line, r.column, "'" + r.path + "': " + *wrong});
        }
    }
}

}  // namespace

std::string complaint::text() const {
    if (line == 0) {
        return file + ": " + message;
    }
    return file + ':' + std::to_string(line) + ':' + std::to_string(column) + ": " + message;
}

loaded load_text(std::string_view yaml, const std::string& name, const load_options& options) {
    loaded to;
    reader read(name, to);
    YAML::Node root;
    if (!parse_document(yaml, name, root, to.complaints)) {
        return to;
    }
    read.document(root);
    for (const auto& [key, origin] : overlay(to, options)) {
        read.places[key] = {origin};
    }
    read_secrets(to);
    validate(to.values, name, read.places, to.complaints);
    check_patterns(to, name, options);
    check_keys(to, options);
    // In the order of the file, then what has no place in it.
    const auto place = [&](const complaint& c) { return std::tuple(c.file != name || c.line == 0, c.line, c.column); };
    std::stable_sort(to.complaints.begin(), to.complaints.end(),
                     [&](const auto& a, const auto& b) { return place(a) < place(b); });
    if (to.complaints.size() > max_complaints) {
        const auto more = to.complaints.size() - max_complaints;
        to.complaints.resize(max_complaints);
        to.complaints.push_back({name, 0, 0, "and " + std::to_string(more) + " more problems"});
    }
    return to;
}

loaded load(const load_options& options) {
    if (!options.file) {
        return load_text("", "defaults", options);
    }
    errno = 0;
    std::ifstream in(*options.file, std::ios::binary);
    const auto unreadable = [&options] {
        loaded to;
        const std::string why = errno != 0 ? std::string(": ") + std::strerror(errno) : "";
        const std::string shown = options.file->empty() ? "the configuration file" : *options.file;
        to.complaints.push_back({shown, 0, 0, "can't be read" + why + " ('" + options.file_named_by + "' names this file)"});
        return to;
    };
    if (!in) {
        return unreadable();
    }
    std::string text;
    text.resize(max_file + 1);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad()) {  // a directory opens, but is not read
        return unreadable();
    }
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
    return load_text(text, *options.file, options);
}

}  // namespace wsidecar::config
