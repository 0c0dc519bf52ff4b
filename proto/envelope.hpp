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

/// The receivers of a push, or those that it excepts (`except`). Names have 1 to 256 bytes without NUL, CR and LF.
struct addresses {
    std::vector<std::string> users{};
    std::vector<std::string> aliases{};
    std::vector<std::string> groups{};
    std::vector<std::string> connections{};
    std::vector<std::string> destinations{};
    bool all = false;
    /// STOMP subscriptions, each of one owner (subscription_name). Used only between instances.
    std::vector<std::string> subscriptions{};
    /// If set, an alias stands for all aliases of a connection, with NUL between them. Users, aliases and connections then count only if they belong to one
    /// of the groups (if there are any), and the groups by themselves name nobody. Used only between instances; never written.
    bool members_only = false;
    /// Narrows all of these to connections of routes with these names; if empty, connections of any route.
    std::vector<std::string> routes{};

    bool empty() const { return !names_connections() && destinations.empty(); }
    /// Whether the push is for all subscribers of broker destinations. Beside other receivers, destinations are those to which the
    /// receivers have subscribed for themselves (`/user/...`).
    bool of_broker() const { return !destinations.empty() && !names_connections(); }

private:
    bool names_connections() const {
        return all || !users.empty() || !aliases.empty() || !groups.empty() || !connections.empty() || !subscriptions.empty();
    }
};

/// The key of a subscription: a broker destination is its own key; a user's own destination has `/user` in front.
inline std::string own_destination(std::string_view destination) {
    return "/user" + std::string(destination);
}

/// The name of a connection without a user: all its aliases, sorted, with a NUL between them, which no name contains.
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

/// One push as an app writes it (proto/README.md, Envelopes). The member `json` is stored here as compact text.
struct envelope {
    addresses to;
    addresses except;
    payload_kind kind = payload_kind::none;
    std::string payload;
    std::string id;             ///< empty if the app has given none
    std::optional<double> ttl;  ///< seconds
    std::optional<std::chrono::system_clock::time_point> time;
    std::vector<std::string> join;
    std::vector<std::string> leave;
    std::optional<close_order> close;
    bool mailbox = false;
    std::string receipt;
    std::string collapse;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string traceparent;  ///< the W3C trace context of the sender; empty if there is none or it is invalid
    bool is_signed = false;   ///< it has a `signature`, which envelope_signature.hpp verifies; it is not written again
    /// What to tell the app after delivery (a source's `delivered`), as JSON: `{"post":PATH,"ids":[...]}`. Used only between instances.
    std::string callback;
    bool by_write = false;  ///< a source's `confirm`: it is confirmed as soon as it is written. Used only between instances
};

/// An element of an array of envelopes, or the only envelope: decoded, or the reason why not. `raw` is its JSON text in the input.
struct envelope_item {
    result<envelope> value;
    std::string_view raw;
};

/// Reads one envelope or an array of them. A bad element does not affect the others. Bytes that are not JSON, or neither an object
/// nor an array, give one item with a problem and the whole input as `raw`.
/// Reasons: not_json (or nested more than 64 levels deep), not_object, unknown_member, repeated_member, no_target, bad_target,
/// bad_name, two_payloads, no_payload, bad_payload, bad_base64, bad_id, bad_ttl, bad_time, bad_close, bad_receipt, bad_headers,
/// bad_member.
/// `own` says that encode_envelope() wrote the input, so that it may have the members that apps must not use.
std::vector<envelope_item> decode_envelopes(std::string_view bytes, bool own = false);

/// Writes an envelope in the form that decode_envelopes() reads. This is the form in inboxes.
std::string encode_envelope(const envelope& e);

}  // namespace wsidecar::proto
