#include "sidecar/core/recent.hpp"

#include <algorithm>

#include "proto/target.hpp"

namespace wsidecar::core {
namespace {

constexpr std::size_t names_at_most = 512;

void add(std::string& to, proto::target_kind kind, const std::vector<std::string>& names) {
    if (names.size() == 1 && to.empty() && names.front().size() < names_at_most) {  // nearly always
        to.assign(1, static_cast<char>(kind)).append(names.front());
        return;
    }
    for (const auto& n : names) {
        if (to.size() + n.size() + 2 > names_at_most) {
            return;
        }
        if (!to.empty()) {
            to += '\n';
        }
        to += static_cast<char>(kind);
        to += n;
    }
}

}  // namespace

void write_names(const proto::addresses& names, std::string& to) {
    to.clear();
    if (names.all) {
        to = proto::target_all();
    }
    // Once for each push: most have one name of one kind.
    const auto some = [&](proto::target_kind kind, const std::vector<std::string>& of_it) {
        if (!of_it.empty()) {
            add(to, kind, of_it);
        }
    };
    some(proto::target_kind::user, names.users);
    some(proto::target_kind::alias, names.aliases);
    some(proto::target_kind::group, names.groups);
    some(proto::target_kind::connection, names.connections);
    some(proto::target_kind::destination, names.destinations);
    some(proto::target_kind::subscription, names.subscriptions);
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
