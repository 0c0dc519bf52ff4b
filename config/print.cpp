// The configuration as text: `wsidecar check`, the JSON Schema, the difference between two.

#include <algorithm>

#include "config/load.hpp"
#include "config/settings.hpp"
#include "config/values.hpp"
#include "proto/json/json_text.hpp"

namespace wsidecar::config {
namespace {

/// As JSON and YAML both read it.
std::string quoted(const std::string& s) {
    std::string out = "\"";
    proto::append_json_text(out, s);
    return out + '"';
}

/// Hides the password of a URL, or the whole of another secret.
std::string masked(const std::string& key, const std::string& value) {
    if (key != "redis.url") {
        return value.empty() ? value : "***";
    }
    const auto at = value.rfind('@');
    const auto start = value.find("://");
    if (at == std::string::npos || start == std::string::npos || at < start) {
        return value;
    }
    const auto colon = value.find(':', start + 3);
    return colon < at ? value.substr(0, colon + 1) + "***" + value.substr(at) : value;
}

template <class Setting, class Struct>
std::string value_of(const Setting& s, const Struct& from) {
    auto words = s.get(from);
    if (s.secret) {
        for (auto& w : words) {
            w = masked(s.key, w);
        }
    }
    const bool text = s.type == kind::text || s.type == kind::texts;
    if (s.type != kind::texts) {
        return text ? quoted(words.front()) : words.front();
    }
    std::string out = "[";
    for (const auto& w : words) {
        out += (out.size() > 1 ? ", " : "") + quoted(w);
    }
    return out + ']';
}

/// Writes a table as nested YAML maps.
template <class Table, class Struct>
void write(std::string& out, const Table& table, const Struct& from, const std::string& indent, bool list_entry = false) {
    std::vector<std::string> open;
    bool first = list_entry;
    for (const auto& s : table) {
        if (s.type == kind::choice && s.get(from).front().empty()) {
            continue;  // left out: another setting says it
        }
        std::vector<std::string> path;
        for (std::size_t start = 0;;) {
            const auto dot = s.key.find('.', start);
            path.push_back(s.key.substr(start, dot - start));
            if (dot == std::string::npos) {
                break;
            }
            start = dot + 1;
        }
        std::size_t same = 0;
        while (same < open.size() && same + 1 < path.size() && open[same] == path[same]) {
            ++same;
        }
        open.resize(same);
        for (std::size_t i = same; i < path.size(); ++i) {
            out += (first ? indent.substr(2) + "- " : indent) + std::string(2 * i, ' ') + path[i] + ':';
            first = false;
            if (i + 1 < path.size()) {
                out += '\n';
                open.push_back(path[i]);
            }
        }
        out += ' ' + value_of(s, from) + '\n';
    }
}

/// The default as JSON; empty: none of its own.
template <class Setting, class Struct>
std::string default_of(const Setting& s, const Struct& from) {
    const bool bare = s.type == kind::boolean || s.type == kind::number || s.type == kind::share || s.type == kind::texts;
    const auto value = value_of(s, from);
    return bare || s.type == kind::text ? value : quoted(value);
}

/// Of a route: what it does not say itself is as above it.
std::string default_of(const route_setting& s, const route& from) {
    const auto inherited = [&](const setting& above) { return above.key == s.key; };
    if (s.key == "path" || s.key == "confirm" || std::any_of(settings().begin(), settings().end(), inherited)) {
        return {};
    }
    return default_of<route_setting, route>(s, from);
}

/// Texts of which an editor or a chart can tell at once that they cannot work, as regular expressions in JSON; validate.cpp has the last
/// word. Empty: any text.
std::string_view form_of_text(std::string_view key) {
    static constexpr std::pair<std::string_view, std::string_view> forms[] = {
        {"app.url", "^(http://.+|unix:/.+)?$"},
        {"redis.url", "^((redis|rediss|unix)://.+|unix:/.+|none)?$"},
        {"redis.sentinels", R"(^\\S+:[0-9]{1,5}$)"},
        {"listen.address", R"(^\\S*:[0-9]{1,5}$)"},
        {"admin.address", R"(^\\S*:[0-9]{1,5}$)"},
        {"origins", R"(^(same|\\*|null|[^/\\s]+://\\S*)$)"},
        {"trusted_proxies", "^(private|loopback|[0-9A-Fa-f.:]+(/[0-9]{1,3})?)$"},
        {"prefix", R"(^[^\\s*?\\[]{0,128}$)"},
        {"path", R"(^(/([^/{}\\s?#;\\\\]*|\\{[-\\w]+(\\.\\.\\.)?\\}))+$)"},
        {"event_path", R"(^(/\\S*)?$)"}};
    const auto at = std::find_if(std::begin(forms), std::end(forms), [&](const auto& f) { return f.first == key; });
    return at == std::end(forms) ? std::string_view() : at->second;
}

std::string pattern(std::string_view form) {
    return R"(,"pattern":")" + std::string(form) + '"';
}

/// Whole numbers that have at least as many digits as `least`: all from it on if it is a power of ten, and some below it if not.
std::string digits_from(std::uint64_t least) {
    return least == 0 ? "[0-9]+" : "0*[1-9][0-9]{" + std::to_string(std::to_string(least).size() - 1) + ",}";
}

std::string type_of_duration(std::uint64_t least) {
    if (least == 0) {
        return R"(,"type":["string","integer"],"minimum":0,"maximum":0)" + pattern("^(0|[0-9]+(ms|s|m|h|d))$");
    }
    return R"(,"type":"string")" + pattern("^(" + digits_from(least) + "ms|" + digits_from(1) + "(s|m|h|d))$");
}

std::string bounds(std::uint64_t least, std::uint64_t most) {
    return R"(,"minimum":)" + std::to_string(least) + (most == 0 ? "" : R"(,"maximum":)" + std::to_string(most));
}

std::string type_of_size(std::uint64_t least, std::uint64_t most) {
    const auto larger = least == 0 ? digits_from(0) : digits_from(1);
    return R"(,"type":["string","integer"])" + bounds(least, most) +
           pattern("^(" + digits_from(least) + "B?|" + larger + "(KiB|MiB|GiB))$");
}

/// What is wrong with a value of this setting that an editor or a chart can see.
template <class Setting>
std::string type_of(const Setting& s) {
    const auto one_of = [&] {
        std::string list = "\"enum\":[";
        for (const auto& c : s.choices) {
            list += (list.back() == '[' ? "" : ",") + quoted(c);
        }
        return list + ']';
    };
    const auto form = form_of_text(s.key);
    switch (s.type) {
        case kind::text:
            return form.empty() ? R"(,"type":["string","number","null"])" : R"(,"type":["string","null"])" + pattern(form);
        case kind::boolean: return R"(,"type":"boolean")";
        case kind::number: return R"(,"type":"integer")" + bounds(s.least, s.most);
        case kind::duration: return type_of_duration(s.least);
        case kind::size: return type_of_size(s.least, s.most);
        case kind::percent: return R"(,"type":"string")" + pattern("^0*(100|[1-9][0-9]?)%$");
        case kind::share: return R"(,"type":"number","minimum":0,"maximum":1)";
        case kind::choice: return ',' + one_of();
        case kind::texts: break;
    }
    const std::string item = !s.choices.empty() ? '{' + one_of() + '}'
                             : form.empty()     ? R"({"type":"string"})"
                                                : R"({"type":"string")" + pattern(form) + '}';
    return ",\"anyOf\":[" + item + R"(,{"type":"array","items":)" + item + "}]";
}

template <class Setting>
std::string schema_of(const Setting& s, const std::string& standard) {
    std::string out = "{\"description\":" + quoted(s.help);
    if (!standard.empty()) {
        out += ",\"default\":" + standard;
    }
    if (!s.live) {
        out += R"(,"x-restart":true)";  // a reload does not change it
    }
    return out + type_of(s) + '}';
}

/// Properties of all keys of a table that start with `above`.
template <class Table, class Struct>
std::string properties(const Table& table, const Struct& defaults, const std::string& above) {
    std::string out;
    std::vector<std::string> done;
    for (const auto& s : table) {
        if (!s.key.starts_with(above)) {
            continue;
        }
        const std::string rest = s.key.substr(above.size());
        const std::string word = rest.substr(0, rest.find('.'));
        if (std::find(done.begin(), done.end(), word) != done.end()) {
            continue;
        }
        done.push_back(word);
        out += (out.empty() ? "" : ",") + quoted(word) + ':';
        if (rest == word) {
            out += schema_of(s, default_of(s, defaults));
        } else {
            out += R"({"type":["object","null"],"additionalProperties":false,"properties":{)" +
                   properties(table, defaults, above + word + '.') + "}}";
        }
    }
    return out;
}

}  // namespace

std::string print(const config& c) {
    std::string out;
    write(out, settings(), c, "");
    out += c.routes.empty() ? "routes: []\n" : "routes:\n";
    for (const auto& r : c.routes) {
        write(out, route_settings(), r, "    ", true);
    }
    out += c.sources.empty() ? "sources: []\n" : "sources:\n";
    for (const auto& s : c.sources) {
        write(out, source_settings(), s, "    ", true);
    }
    out += c.history.empty() ? "history: []\n" : "history:\n";
    for (const auto& h : c.history) {
        write(out, history_settings(), h, "    ", true);
    }
    return out;
}

std::string json_schema() {
    std::string out = "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"wsidecar.yaml\",";
    out += R"("type":["object","null"],"additionalProperties":false,"properties":{)";
    out += properties(settings(), config{}, "");
    out += R"(,"routes":{"description":"which paths are WebSockets; the most specific pattern wins","type":"array",)";
    out += R"("items":{"type":"object","required":["path"],"additionalProperties":false,"properties":{)";
    out += properties(route_settings(), route{}, "");
    out +=
        R"x(}}},"sources":{"description":"channels, lists and streams that an app already writes, mapped to clients","x-restart":true,)x";
    out += R"("type":["array","null"],"maxItems":100,"items":{"type":"object","required":["to"],"additionalProperties":false,)";
    out += R"("properties":{)" + properties(source_settings(), source{}, "");
    out += R"x(}}},"history":{"description":"names whose latest outbox pushes are kept for clients that join later",)x";
    out += R"("x-restart":true,"type":["array","null"],"maxItems":100,"items":{"type":"object","required":["name"],)";
    out += R"("additionalProperties":false,"properties":{)" + properties(history_settings(), history_rule{}, "");
    return out + "}}}}}";
}

std::vector<change> diff(const config& from, const config& to) {
    std::vector<change> out;
    for (const auto& s : settings()) {
        if (s.get(from) != s.get(to)) {
            out.push_back({s.key, value_of(s, from), value_of(s, to), s.live});
        }
    }
    if (from.admin.token != to.admin.token && from.admin.token_file == to.admin.token_file) {
        out.push_back({"admin.token_file", "what it held", "what it holds", true});
    }
    if (from.push.secrets != to.push.secrets && from.push.secret_file == to.push.secret_file) {
        out.push_back({"push.secret_file", "what it held", "what it holds", true});
    }
    std::string a;
    std::string b;
    for (const auto& r : from.routes) {
        write(a, route_settings(), r, "");
    }
    for (const auto& r : to.routes) {
        write(b, route_settings(), r, "");
    }
    if (a != b) {
        out.push_back(
            {"routes", std::to_string(from.routes.size()) + " routes", std::to_string(to.routes.size()) + " routes", true});
    }
    a.clear();
    b.clear();
    for (const auto& s : from.sources) {
        write(a, source_settings(), s, "");
    }
    for (const auto& s : to.sources) {
        write(b, source_settings(), s, "");
    }
    if (a != b) {
        out.push_back({"sources", std::to_string(from.sources.size()) + " sources",
                       std::to_string(to.sources.size()) + " sources", false});
    }
    a.clear();
    b.clear();
    for (const auto& h : from.history) {
        write(a, history_settings(), h, "");
    }
    for (const auto& h : to.history) {
        write(b, history_settings(), h, "");
    }
    if (a != b) {
        out.push_back({"history", std::to_string(from.history.size()) + " entries",
                       std::to_string(to.history.size()) + " entries", false});
    }
    return out;
}

}  // namespace wsidecar::config
