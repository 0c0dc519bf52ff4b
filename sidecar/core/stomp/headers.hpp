#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/stomp/client.hpp"

namespace wsidecar::core {

/// Bytes reserved for an event's own headers, as in net/http_decide.
inline constexpr std::size_t event_overhead = 1024;

/// Whether a destination is below this prefix, or below one of these prefixes.
bool under(std::string_view destination, const std::string& prefix);
bool under_any(std::string_view destination, const std::vector<std::string>& prefixes);
/// Whether a destination belongs to the app: it is below one of its prefixes, or equal to one, which then is the destination of one method.
bool to_app(std::string_view destination, const std::vector<std::string>& app_prefixes);
/// Whether a destination belongs to the broker. As in Spring, it only has to begin with one of the prefixes: `/topic` and `/topic.orders` do
/// with `/topic`. What is the app's, or below `user_prefix`, has to be below the broker's prefix.
bool to_broker(std::string_view destination, const config::stomp& rules);
/// Whether a destination is below a prefix of the app's that is also one of the broker's, or the users'. Clients subscribe to it at the broker,
/// and what they SEND to it becomes an event at the route's own event path.
bool is_shared(std::string_view destination, const config::stomp& rules);
/// Converts a frame to an item of the inbound queue.
inbound_work::item item_of(const proto::stomp::frame& f);
/// Writes the frame's headers as header lines of an event: `stomp-<name>`.
std::string header_lines(const stomp_request& r);
/// Converts a destination to the path of an event. Returns nullopt if servers could interpret the path differently.
std::optional<std::string> path_of(std::string_view destination);
subscription::ack_mode ack_mode_of(std::string_view word);

}  // namespace wsidecar::core
