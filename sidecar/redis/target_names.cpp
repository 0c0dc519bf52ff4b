#include "sidecar/redis/target_names.hpp"

#include <algorithm>
#include <utility>

#include "proto/target.hpp"

namespace wsidecar::redis {
namespace {

/// What users, or aliases, have subscribed to for themselves.
void add_own(std::vector<std::string>& out, proto::target_kind kind, const std::vector<std::string>& names,
             const proto::envelope& e) {
    for (const auto& n : names) {
        for (const auto& d : e.to.destinations) {
            out.push_back(proto::target_subscription(kind, n, proto::own_destination(d)));
        }
    }
}

/// Names of one kind that are not excepted by the same name.
void add_names(std::vector<std::string>& out, char kind, const std::vector<std::string>& names,
               const std::vector<std::string>& except) {
    for (const auto& n : names) {
        if (std::find(except.begin(), except.end(), n) == except.end()) {
            out.push_back(kind + n);
        }
    }
}

}  // namespace

std::vector<std::string> on_routes(const std::vector<std::string>& routes, const std::vector<std::string>& names) {
    if (routes.empty()) {
        return names;
    }
    std::vector<std::string> out;
    for (const auto& name : names) {
        for (const auto& route : routes) {
            out.push_back(('r' + route).append(1, '\0').append(name));
        }
    }
    return out;
}

std::vector<std::string> targets_of(const proto::envelope& e) {
    if (e.to.all) {
        return {"*"};
    }
    std::vector<std::string> out;
    for (const auto& s : e.to.subscriptions) {
        out.push_back('q' + s);
    }
    if (e.to.of_broker()) {
        add_names(out, 'd', e.to.destinations, e.except.routes.empty() ? e.except.destinations : std::vector<std::string>());
        return out;
    }
    // Whom `except` names on some routes only is left to the pods.
    const std::vector<std::string> nobody;
    const bool anywhere = e.except.routes.empty();
    if (e.to.destinations.empty()) {
        add_names(out, 'u', e.to.users, anywhere ? e.except.users : nobody);
        add_names(out, e.to.members_only ? 'm' : 'a', e.to.aliases, anywhere ? e.except.aliases : nobody);
        out = on_routes(e.to.routes, out);
    } else {
        add_own(out, proto::target_kind::user, e.to.users, e);
        add_own(out, proto::target_kind::alias, e.to.aliases, e);
    }
    if (!e.to.members_only) {
        add_names(out, 'g', e.to.groups, anywhere ? e.except.groups : nobody);
    }
    add_names(out, 'c', e.to.connections, anywhere ? e.except.connections : nobody);
    return out;
}

bool has_one_owner(char kind) {
    return kind != '*' && kind != 'g' && kind != 'd';
}

std::vector<std::string> take_names(std::string& all, char kind) {
    std::vector<std::string> out;
    std::string others;
    std::string_view left = all;
    while (!left.empty()) {
        const auto name = left.substr(0, left.find('\n'));
        left.remove_prefix(std::min(name.size() + 1, left.size()));
        if (name.starts_with(kind)) {
            out.emplace_back(name.substr(1));
        } else {
            others.append(others.empty() ? "" : "\n").append(name);
        }
    }
    all = std::move(others);
    return out;
}

std::vector<std::string> split_lines(std::string_view text) {
    std::vector<std::string> out;
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        out.emplace_back(text.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

std::map<unsigned, std::vector<std::string>> by_shard(const std::vector<std::string>& names, shard_number at) {
    std::map<unsigned, std::vector<std::string>> out;
    for (const auto& name : names) {
        const bool of_route = name.starts_with('r') && name.find('\0') != std::string::npos;
        auto plain = of_route ? name.substr(name.find('\0') + 1) : name;
        auto& there = out[shard_of(plain, at)];
        if (!of_route || std::find(there.begin(), there.end(), plain) == there.end()) {
            there.push_back(std::move(plain));
        }
    }
    return out;
}

proto::addresses addresses_of(std::string_view names) {
    proto::addresses out;
    while (!names.empty()) {
        const auto line = names.substr(0, names.find('\n'));
        names.remove_prefix(std::min(line.size() + 1, names.size()));
        if (line.empty()) {
            continue;
        }
        const auto plain = line[0] == 'r' ? line.substr(std::min(line.find('\0'), line.size() - 1) + 1) : line;
        if (plain.empty()) {
            continue;
        }
        const std::string name(plain.substr(1));
        switch (plain[0]) {
            case 'u': out.users.push_back(name); break;
            case 'a': out.aliases.push_back(name); break;
            case 'm':
                out.aliases.push_back(name);
                out.members_only = true;
                break;
            case 'g': out.groups.push_back(name); break;
            case 'c': out.connections.push_back(name); break;
            case 'd': out.destinations.push_back(name); break;
            case 'q': out.subscriptions.push_back(name); break;
            case '*': out.all = true; break;
            default: break;
        }
    }
    return out;
}

proto::addresses narrowed(proto::addresses to, std::string_view names) {
    proto::addresses out = addresses_of(names);
    if (!out.of_broker()) {
        out.destinations = std::move(to.destinations);
    }
    if (out.members_only) {
        out.groups = std::move(to.groups);
    }
    out.routes = std::move(to.routes);
    return out;
}

}  // namespace wsidecar::redis
