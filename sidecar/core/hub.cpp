#include "sidecar/core/hub.hpp"

#include <algorithm>

namespace wsidecar::core {
namespace {

template <class Index>
void add(Index& in, const std::string& name, connection& c) {
    in[name].push_back(&c);
}

template <class Index>
void remove(Index& in, const std::string& name, connection& c) {
    const auto it = in.find(name);
    if (it == in.end()) {
        return;
    }
    auto& list = it->second;
    if (const auto at = std::find(list.begin(), list.end(), &c); at != list.end()) {
        *at = list.back();
        list.pop_back();
    }
    if (list.empty()) {
        in.erase(it);
    }
}

}  // namespace

void hub::enter(const connection_ptr& c) {
    if (by_id_.emplace(c->id, c).second) {
        list(*c);
    }
}

void hub::leave(connection& c) {
    const auto it = by_id_.find(c.id);
    if (it == by_id_.end() || it->second.get() != &c) {
        return;
    }
    unlist(c);
    const connection_ptr keep = std::move(it->second);  // the key views its id
    by_id_.erase(it);
}

connection* hub::find(std::string_view id) const {
    const auto it = by_id_.find(id);
    return it == by_id_.end() ? nullptr : it->second.get();
}

void hub::list(connection& c) {
    if (!c.user.empty()) {
        add(users_, c.user, c);
    }
    for (const auto& a : c.aliases) {
        add(aliases_, a, c);
    }
    for (const auto& g : c.groups) {
        add(groups_, g, c);
    }
}

void hub::unlist(connection& c) {
    if (!c.user.empty()) {
        remove(users_, c.user, c);
    }
    for (const auto& a : c.aliases) {
        remove(aliases_, a, c);
    }
    for (const auto& g : c.groups) {
        remove(groups_, g, c);
    }
}

}  // namespace wsidecar::core
