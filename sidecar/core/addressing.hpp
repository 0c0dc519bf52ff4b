#pragma once

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "proto/envelope.hpp"
#include "proto/target.hpp"
#include "sidecar/core/connection.hpp"

namespace wsidecar::core {

/// The names, with their kind in front, whose pushes may be in histories that concern this connection: its groups and all.
inline std::vector<std::string> audiences_of(const connection& c) {
    std::vector<std::string> out;
    out.reserve(c.groups.size() + 1);
    for (const auto& g : c.groups) {
        out.push_back(proto::target(proto::target_kind::group, g));
    }
    out.push_back(proto::target_all());
    return out;
}

template <class Names>
bool contains(const Names& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

inline bool has_one_of(const std::vector<std::string>& names, const std::vector<std::string>& of) {
    return std::any_of(names.begin(), names.end(), [&](const auto& n) { return contains(of, n); });
}

inline bool is_named(const connection& c, const proto::addresses& names) {
    return names.all || (!c.user.empty() && contains(names.users, c.user)) || contains(names.connections, c.id) ||
           has_one_of(c.aliases, names.aliases) || has_one_of(c.groups, names.groups);
}

inline bool is_excepted(const connection& c, const proto::addresses& except) {
    return (except.routes.empty() || c.is_on(except.routes)) && is_named(c, except);
}

inline bool expired(const proto::envelope& push, std::chrono::system_clock::time_point now) {
    return push.ttl && push.time && now > *push.time + std::chrono::duration<double>(*push.ttl);
}

}  // namespace wsidecar::core
