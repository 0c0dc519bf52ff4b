#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/text/result.hpp"

namespace wsidecar::proto {

/// Whom a push is for (or, as `except`, not for). Names are 1 to 256 bytes without NUL, CR, LF.
struct addresses {
    std::vector<std::string> users{};
    std::vector<std::string> aliases{};
    std::vector<std::string> groups{};
    std::vector<std::string> connections{};
    std::vector<std::string> destinations{};
    bool all = false;
    /// One name's own STOMP subscription (subscription_name). Between instances only.
    std::vector<std::string> subscriptions{};
    /// An alias is all of a connection's, with NUL between them, and counts, as do users and connections, only for those that belong to one of the groups (if
    /// there are any); the groups count for no others. Between instances only; not written.
    bool members_only = false;
    /// Narrows all of these to connections of routes with these names; empty: of any.
    std::vector<std::string> routes{};

    bool empty() const { return !names_connections() && destinations.empty(); }
    /// Destinations alone are a broker's: all subscribers. Beside other members they are what those connections have subscribed
    /// to for themselves (`/user/...`).
    bool of_broker() const { return !destinations.empty() && !names_connections(); }

private:
    bool names_connections() const {
        return all || !users.empty() || !aliases.empty() || !groups.empty() || !connections.empty() || !subscriptions.empty();
    }
};

/// What a subscription is known by: a destination of the broker as it is, one of the user's own behind `/user`.
inline std::string own_destination(std::string_view destination) {
    return "/user" + std::string(destination);
}

/// Who a connection without a user is: all of its aliases, sorted, with a NUL between them, which no name has.
inline std::string joined_aliases(std::vector<std::string> aliases) {
    std::sort(aliases.begin(), aliases.end());
    std::string out;
    for (const auto& a : aliases) {
        out.append(out.empty() ? 0 : 1, '\0').append(a);
    }
    return out;
}

enum class payload_kind : std::uint8_t { none, text, binary };

struct close_order {
    std::uint16_t code = 1000;
    std::string reason;  ///< at most 123 bytes
};

/// One push, as an app writes it (proto/README.md, Envelopes). `json` arrives here as compact text.
struct envelope {
    addresses to;
    addresses except;
    payload_kind kind = payload_kind::none;
    std::string payload;
    std::string id;             ///< empty: the app chose none
    std::optional<double> ttl;  ///< seconds
    std::optional<std::chrono::system_clock::time_point> time;
    std::vector<std::string> join;
    std::vector<std::string> leave;
    std::optional<close_order> close;
    bool mailbox = false;
    std::string receipt;
    std::string collapse;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string traceparent;  ///< W3C trace context of whoever wrote it; empty: none, or not valid
    bool is_signed = false;   ///< has a `signature`, which envelope_signature.hpp verifies; not written again
    /// Of a source's `delivered`: what the app is told after delivery, JSON `{"post":PATH,"ids":[...]}`. Between instances only.
    std::string callback;
    bool by_write = false;  ///< of a source's `confirm`: the kernel's word is enough. Between instances only.
};

/// An element of an envelope array (or the one object): decoded, or why not. `raw` is its JSON text, where it was read from.
struct envelope_item {
    result<envelope> value;
    std::string_view raw;
};

/// Reads one envelope or an array of them. A bad element does not spoil its neighbours; what is no JSON, or
/// neither object nor array, gives one item with a problem and the whole input as `raw`.
/// Reasons: not_json (nested more than 64 levels deep, too), not_object, unknown_member, repeated_member, no_target, bad_target,
/// bad_name, two_payloads, no_payload, bad_payload, bad_base64, bad_id, bad_ttl, bad_time, bad_close, bad_receipt, bad_headers,
/// bad_member.
/// `own`: written by encode_envelope, with the members that apps may not use.
std::vector<envelope_item> decode_envelopes(std::string_view bytes, bool own = false);

/// Writes an envelope in the form that decode_envelopes reads: what travels through inboxes.
std::string encode_envelope(const envelope& e);

}  // namespace wsidecar::proto
