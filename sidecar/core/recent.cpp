#include "sidecar/core/recent.hpp"

#include <algorithm>

namespace wsidecar::core {
namespace {

constexpr std::size_t names_at_most = 512;

void add(std::string& to, char kind, const std::vector<std::string>& names) {
    for (const auto& n : names) {
        if (to.size() + n.size() + 2 > names_at_most) {
            return;
        }
        if (!to.empty()) {
            to += '\n';
        }
        to += kind;
        to += n;
    }
}

}  // namespace

void write_names(const proto::addresses& names, std::string& to) {
    to.clear();
    if (names.all) {
        to = "*";
    }
    add(to, 'u', names.users);
    add(to, 'a', names.aliases);
    add(to, 'g', names.groups);
    add(to, 'c', names.connections);
    add(to, 'd', names.destinations);
    add(to, 'q', names.subscriptions);
}

bool has_name(std::string_view lines, std::string_view name) {
    while (!lines.empty()) {
        const auto line = lines.substr(0, lines.find('\n'));
        if (line == name) {
            return true;
        }
        lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    }
    return false;
}

}  // namespace wsidecar::core
