#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/envelope.hpp"

namespace wsidecar::proto {

/// The kind of a name. Instances write a target to each other as one string: this letter, then the name.
enum class target_kind : char {
    user = 'u',
    alias = 'a',
    members = 'm',  ///< connections that have all of these aliases (joined_aliases)
    group = 'g',
    connection = 'c',
    destination = 'd',
    pattern = 'p',       ///< any STOMP subscription with wildcards
    subscription = 'q',  ///< one owner's STOMP subscription (subscription_name)
    all = '*',
};

/// A target in the form in which instances write it.
inline std::string target(target_kind kind, std::string_view name) {
    return std::string(1, static_cast<char>(kind)).append(name);
}
inline std::string target_all() {
    return std::string(1, static_cast<char>(target_kind::all));
}
inline std::string target_any_pattern() {
    return target(target_kind::pattern, "*");
}

/// A name in addresses::subscriptions, for a subscription of a user, alias or connection with this name: the owner as a target, then
/// NUL, which no name contains, then the key of the subscription.
inline std::string subscription_name(target_kind owner, std::string_view name, std::string_view destination) {
    return target(owner, name).append(1, '\0').append(destination);
}
/// The target of such a subscription.
inline std::string target_subscription(target_kind owner, std::string_view name, std::string_view destination) {
    return target(target_kind::subscription, subscription_name(owner, name, destination));
}

/// The parts of a subscription_name(), as views into it.
struct subscription_owner {
    explicit subscription_owner(std::string_view subscription)
        : kind(static_cast<target_kind>(subscription.front())),
          name(subscription.substr(1, subscription.find('\0') - 1)),
          key(subscription.substr(subscription.find('\0') + 1)) {}

    target_kind kind;
    std::string_view name;
    std::string_view key;  ///< the key of the subscription

    /// The owner in the form in which a push is addressed to them.
    addresses as_addresses() const {
        addresses one;
        auto& list = kind == target_kind::user ? one.users : kind == target_kind::alias ? one.aliases : one.connections;
        list.emplace_back(name);
        return one;
    }
};

/// Where a push goes that has not reached a target. Written as a letter before the target; `again` has no letter.
enum class next_place : char {
    again = 0,       ///< to whoever has this name now
    mailbox = 'k',   ///< into the mailbox, unless somebody has the name
    excepted = 'x',  ///< into the mailbox, because those who are connected are excepted
    refused = 'n',   ///< its client has refused it; this letter replaces the target's own kind
};

inline std::string lost_target(next_place next, std::string_view target) {
    switch (next) {
        case next_place::again: return std::string(target);
        case next_place::refused: return std::string(1, static_cast<char>(next)).append(target.substr(1));
        case next_place::mailbox:
        case next_place::excepted: break;
    }
    return std::string(1, static_cast<char>(next)).append(target);
}
inline bool is_refused(std::string_view lost) {
    return lost.starts_with(static_cast<char>(next_place::refused));
}

}  // namespace wsidecar::proto
