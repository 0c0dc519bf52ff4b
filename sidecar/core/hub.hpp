#pragma once

#include <algorithm>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/envelope.hpp"
#include "sidecar/core/connection.hpp"
#include "sidecar/core/prefetch.hpp"
#include "sidecar/core/text.hpp"

namespace wsidecar::core {

/// The connections of this instance, with an index of the names under which pushes find them. Event loop only.
class hub {
public:
    /// Adds a connection under its id and all its names. The names must not change afterwards except through rename().
    void enter(const connection_ptr& c);
    void leave(connection& c);

    /// Changes a connection's names. `change` edits user, aliases and groups.
    template <class Change>
    void rename(connection& c, Change change) {
        const bool inside = find(c.id) == &c;
        if (inside) {
            unlist(c);
        }
        change(c);
        if (inside) {
            list(c);
        }
    }

    connection* find(std::string_view id) const { return found(by_id_, id); }
    std::size_t size() const { return members_.size(); }
    /// The number of different users, aliases and groups of connections here.
    std::size_t users() const { return users_.size(); }
    std::size_t aliases() const { return aliases_.size(); }
    std::size_t groups() const { return groups_.size(); }
    bool has_user(std::string_view name) const { return users_.contains(name); }
    bool has_alias(std::string_view name) const { return aliases_.contains(name); }
    /// Whether a connection here has all of these aliases (proto::joined_aliases).
    bool has_aliases(std::string_view names) const {
        bool found = false;
        visit_all_of(names, [&](connection&) { found = true; });
        return found;
    }

    /// Calls `f` once for each connection that `to` matches and `except` does not. `f` must not add or remove connections.
    template <class F>
    void match(const proto::addresses& to, const proto::addresses& except, F f) {
        const std::uint64_t skip = mark(except);
        const std::uint64_t seen = ++generation_;
        visit(to, [&](connection& c) {
            if (c.mark != seen && c.mark != skip) {
                c.mark = seen;
                f(c);
            }
        });
    }

    /// Calls `f` for each connection that `a` matches, possibly more than once.
    template <class F>
    void visit(const proto::addresses& a, F f) const {
        if (a.routes.empty()) {
            visit_on_any_route(a, f);
        } else {
            visit_on_any_route(a, [&](connection& c) {
                if (c.is_on(a.routes)) {
                    f(c);
                }
            });
        }
    }

    template <class F>
    void visit_on_any_route(const proto::addresses& a, F f) const {
        if (a.all) {
            each(members_, f);
            return;
        }
        for (const auto& name : a.users) {
            for (connection* c = found(users_, name); c != nullptr; c = c->same_user.next) {
                if (!a.members_only || belongs(*c, a.groups)) {
                    f(*c);
                }
            }
        }
        if (a.members_only) {
            visit_members(a, f);
        } else {
            visit_names(aliases_, a.aliases, f);
            visit_names(groups_, a.groups, f);
        }
        for (const auto& id : a.connections) {
            connection* c = find(id);
            if (c != nullptr && (!a.members_only || belongs(*c, a.groups))) {
                f(*c);
            }
        }
    }

    /// Marks the connections that `a` matches, and returns the mark.
    std::uint64_t mark(const proto::addresses& a) {
        const std::uint64_t m = ++generation_;
        if (!a.empty()) {
            visit(a, [&](connection& c) { c.mark = m; });
        }
        return m;
    }

    template <class F>
    void for_each(F f) const {
        for (const auto& c : members_) {
            f(*c);
        }
    }

private:
    /// A set of connections by one of their members, which costs one pointer each. The member must not change while the connection is in the
    /// set.
    template <auto Name>
    struct named {
        using is_transparent = void;
        using is_avalanching = void;
        static std::string_view name(const connection* c) { return c->*Name; }
        static std::string_view name(std::string_view text) { return text; }
        std::size_t operator()(const auto& a) const { return keyed_hash(name(a)); }
        bool operator()(const auto& a, const auto& b) const { return name(a) == name(b); }
    };
    template <auto Name>
    using by_name = boost::unordered_flat_set<connection*, named<Name>, named<Name>>;
    static connection* found(const auto& table, std::string_view name) {
        const auto it = table.find(name);
        return it == table.end() ? nullptr : *it;
    }
    using index = by_text<std::vector<connection*>>;

    template <class F>
    static void visit_names(const index& in, const std::vector<std::string>& names, F& f) {
        for (const auto& name : names) {
            if (const auto it = in.find(name); it != in.end()) {
                each(it->second, f);
            }
        }
    }

    static bool belongs(const connection& c, const std::vector<std::string>& groups) {
        return groups.empty() || std::any_of(c.groups.begin(), c.groups.end(), [&](const auto& g) {
                   return std::find(groups.begin(), groups.end(), g) != groups.end();
               });
    }

    /// Visits the connections of an address with proto::addresses::members_only.
    template <class F>
    void visit_members(const proto::addresses& a, F& f) const {
        for (const auto& name : a.aliases) {
            visit_all_of(name, [&](connection& c) {
                if (belongs(c, a.groups)) {
                    f(c);
                }
            });
        }
    }

    /// Visits the connections with all of these aliases (proto::joined_aliases).
    template <class F>
    void visit_all_of(std::string_view names, F f) const {
        const auto it = aliases_.find(names.substr(0, names.find('\0')));
        if (it == aliases_.end()) {
            return;
        }
        for (connection* c : it->second) {
            bool all = true;
            for (std::string_view left = names; all && !left.empty();) {
                const auto name = left.substr(0, left.find('\0'));
                left.remove_prefix(std::min(name.size() + 1, left.size()));
                all = std::find(c->aliases.begin(), c->aliases.end(), name) != c->aliases.end();
            }
            if (all) {
                f(*c);
            }
        }
    }

    /// Calls `f` for each connection. Thousands of connections fit in no CPU cache, so the next ones are prefetched meanwhile.
    template <class List, class F>
    static void each(const List& list, F& f) {
        constexpr std::size_t ahead = 8;
        for (std::size_t i = 0; i < list.size(); ++i) {
            if (i + ahead < list.size()) {
                prefetch(&*list[i + ahead], sizeof(std::uint64_t));
            }
            if (i + ahead / 2 < list.size()) {
                prefetch(list[i + ahead / 2]->session, hot_session);
            }
            f(*list[i]);
        }
    }

    void list(connection& c);
    void unlist(connection& c);
    void unlist_user(connection& c);

    std::vector<connection_ptr> members_;  ///< connection::place is the index
    by_name<&connection::id> by_id_;
    by_name<&connection::user> users_;  ///< one connection of each user; connection::same_user links the others
    index aliases_;
    index groups_;
    std::uint64_t generation_ = 0;
};

}  // namespace wsidecar::core
