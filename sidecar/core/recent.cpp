#include "sidecar/core/recent.hpp"

#include <algorithm>

namespace wsidecar::core {
namespace {

constexpr std::size_t names_at_most = 512;

void add(std::string& to, char kind, const std::vector<std::string>& names) {
    if (names.size() == 1 && to.empty() && names.front().size() < names_at_most) {  // nearly always
        to.assign(1, kind).append(names.front());
        return;
    }
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
        to.assign(1, '*');
    }
    // Once for each push: most have one name of one kind.
    const auto some = [&](char kind, const std::vector<std::string>& of_it) {
        if (!of_it.empty()) {
            add(to, kind, of_it);
        }
    };
    some('u', names.users);
    some('a', names.aliases);
    some('g', names.groups);
    some('c', names.connections);
    some('d', names.destinations);
    some('q', names.subscriptions);
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
