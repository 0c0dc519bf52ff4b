#include "sidecar/core/hub.hpp"

#include <algorithm>
#include <utility>

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
    if (by_id_.contains(c->id)) {
        return;
    }
    c->place = static_cast<std::uint32_t>(members_.size());
    members_.push_back(c);
    by_id_.insert(c.get());
    list(*c);
}

void hub::leave(connection& c) {
    if (find(c.id) != &c) {
        return;
    }
    unlist(c);
    by_id_.erase(c.id);
    std::swap(members_[c.place], members_.back());
    members_[c.place]->place = c.place;
    members_.pop_back();  // may be its last holder
}

void hub::list(connection& c) {
    if (!c.user.empty()) {
        if (connection* first = found(users_, c.user)) {
            c.same_user = {first, first->same_user.next};
            if (c.same_user.next != nullptr) {
                c.same_user.next->same_user.previous = &c;
            }
            first->same_user.next = &c;
        } else {
            users_.insert(&c);
        }
    }
    for (const auto& a : c.aliases) {
        add(aliases_, a, c);
    }
    for (const auto& g : c.groups) {
        add(groups_, g, c);
    }
}

void hub::unlist_user(connection& c) {
    const auto [previous, next] = std::exchange(c.same_user, {});
    if (next != nullptr) {
        next->same_user.previous = previous;
    }
    if (previous != nullptr) {
        previous->same_user.next = next;
    } else if (next != nullptr) {
        users_.erase(c.user);
        users_.insert(next);
    } else {
        users_.erase(c.user);
    }
}

void hub::unlist(connection& c) {
    if (!c.user.empty()) {
        unlist_user(c);
    }
    for (const auto& a : c.aliases) {
        remove(aliases_, a, c);
    }
    for (const auto& g : c.groups) {
        remove(groups_, g, c);
    }
}

}  // namespace wsidecar::core
