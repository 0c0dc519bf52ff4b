#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/core/stomp/client.hpp"

namespace wsidecar::core {

/// What an event's own headers take, as in net/http_decide.
inline constexpr std::size_t event_overhead = 1024;

/// Whether a destination is below this prefix, or one of these.
bool under(std::string_view destination, const std::string& prefix);
bool under_any(std::string_view destination, const std::vector<std::string>& prefixes);
/// Whether a destination is the app's: below one of its prefixes, or the prefix itself, which is the whole destination of one method.
bool to_app(std::string_view destination, const std::vector<std::string>& app_prefixes);
/// A frame as it waits for its turn.
inbound_work::item item_of(const proto::stomp::frame& f);
/// Its headers as lines of an event: `stomp-<name>`.
std::string header_lines(const stomp_request& r);
/// A destination as the path of an event; nothing when two servers could read it in two ways.
std::optional<std::string> path_of(std::string_view destination);
subscription::ack_mode ack_mode_of(std::string_view word);

}  // namespace wsidecar::core
