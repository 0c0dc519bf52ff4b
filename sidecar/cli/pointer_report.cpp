#include "sidecar/cli/pointer_report.hpp"

#include <algorithm>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/values.hpp"
#include "proto/json/json_pointer.hpp"
#include "proto/json/json_scan.hpp"

namespace wsidecar::cli {
namespace {

constexpr std::size_t values_shown = 5;
constexpr std::size_t members_shown = 12;
constexpr std::size_t value_bytes_shown = 200;

std::string shortened(std::string_view raw) {
    return raw.size() <= value_bytes_shown ? std::string(raw) : std::string(raw.substr(0, value_bytes_shown)) + "...";
}

/// What a name looks like to somebody who mistypes it: `user_ID` and `userId` are the same.
std::string bare(std::string_view name) {
    std::string out;
    for (const char c : name) {
        if (c != '_' && c != '-') {
            out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
    }
    return out;
}

std::optional<std::string> nearest(const std::string& name, const std::vector<std::string>& members) {
    std::optional<std::string> best;
    std::size_t least = std::max<std::size_t>(2, name.size() / 3 + 1);
    for (const auto& m : members) {
        const std::size_t d = bare(m) == bare(name) ? 0 : config::edit_distance(name.substr(0, 64), m.substr(0, 64));
        if (d < least) {
            least = d;
            best = m;
        }
    }
    return best;
}

std::vector<std::string> members_of(std::string_view raw) {
    std::vector<std::string> out;
    if (const auto members = proto::json_members(raw)) {
        for (const auto& [key, value] : *members) {
            if (auto name = proto::json_string(key)) {
                out.push_back(std::move(*name));
            }
        }
    }
    return out;
}

/// Why a pointer finds nothing: where it leaves the payload, and what there is instead.
std::string missing(std::string_view json, std::string_view pointer) {
    std::string_view rest = pointer;
    std::string way;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('/', 1), rest.size());
        const std::string next = way + std::string(rest.substr(0, end));
        if (proto::find_all(json, next).empty()) {
            break;
        }
        way = next;
        rest.remove_prefix(end);
    }
    const auto parents = proto::find_all(json, way);
    const auto end = std::min(rest.find('/', 1), rest.size());
    const std::string name(rest.substr(rest.empty() ? 0 : 1, end > 0 ? end - 1 : 0));
    const std::string where = way.empty() ? "the payload" : way;
    if (rest.empty()) {
        return "finds null, or what is neither text nor a number nor a boolean";
    }
    const auto members = parents.empty() ? std::vector<std::string>() : members_of(parents.front());
    if (members.empty()) {
        return "finds nothing: " + where + " has no members" +
               (parents.empty() ? "" : " (it is " + shortened(parents.front()) + ")");
    }
    if (const auto near = nearest(name, members)) {
        return "finds nothing: " + where + " has '" + *near + "': did you mean " + way + '/' + *near +
               std::string(rest.substr(end)) + "?";
    }
    std::string out = "finds nothing: " + where + " has";
    for (std::size_t i = 0; i < std::min(members.size(), members_shown); ++i) {
        out += (i == 0 ? " '" : ", '") + members[i] + '\'';
    }
    return out + (members.size() > members_shown ? ", ..." : "");
}

/// `names`: what is found has to make names.
void report_one(std::string_view setting, std::string_view pointer, bool names, std::string_view json, std::ostream& to) {
    to << "    " << setting << ' ' << pointer << ' ';
    auto found = proto::find_all(json, pointer);
    if (names) {
        std::erase_if(found, [](std::string_view raw) { return !proto::name_text(raw); });
    }
    if (found.empty()) {
        to << missing(json, pointer) << '\n';
        return;
    }
    to << "finds ";
    for (std::size_t i = 0; i < std::min(found.size(), values_shown); ++i) {
        to << (i == 0 ? "" : ", ") << shortened(found[i]);
    }
    to << (found.size() > values_shown ? ", ... (" + std::to_string(found.size()) + ")" : "") << '\n';
}

/// The pointers in a template: {/json/pointer}.
void report_template(const std::string& setting, std::string_view text, std::string_view json, std::ostream& to) {
    for (auto open = text.find("{/"); open != std::string_view::npos; open = text.find("{/", open + 1)) {
        const auto close = text.find('}', open);
        report_one(setting, text.substr(open + 1, close - open - 1), true, json, to);
    }
}

void report_targets(const std::string& setting, const config::source_targets& t, std::string_view json, std::ostream& to) {
    const std::pair<const char*, const std::vector<std::string>*> kinds[] = {{"user", &t.users},
                                                                             {"alias", &t.aliases},
                                                                             {"group", &t.groups},
                                                                             {"connection", &t.connections},
                                                                             {"destination", &t.destinations}};
    for (const auto& [kind, templates] : kinds) {
        for (const auto& text : *templates) {
            report_template(setting + '.' + kind, text, json, to);
        }
    }
}

}  // namespace

void report_pointers(const config::source& s, const proto::decoded_payload& payload, std::ostream& to) {
    if (!payload.json) {
        return;
    }
    to << "  pointers:\n";
    report_targets("to", s.to, payload.text, to);
    report_targets("except", s.except, payload.text, to);
    if (!s.data.empty()) {
        report_one("data", s.data, false, payload.text, to);
    }
    if (!s.headers.empty()) {
        report_one("headers", s.headers, false, payload.text, to);
    }
    if (!s.delivered.post.empty()) {
        report_one("delivered.body", s.delivered.body, false, payload.text, to);
    }
}

}  // namespace wsidecar::cli
