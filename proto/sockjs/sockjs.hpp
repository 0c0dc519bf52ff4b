#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/text/result.hpp"

/// SockJS 0.3.3 as bytes (sockjs-protocol; Spring's AbstractSockJsService and its codec): which resources lie below a route's path,
/// and the frames. No sockets, no sessions.
namespace wsidecar::proto::sockjs {

/// What lies at a path of a SockJS route.
enum class place : std::uint8_t {
    none,  ///< the route has no SockJS
    greeting,
    info,
    iframe,
    raw_websocket,
    websocket,  ///< from here on: /{server}/{session}/{transport}
    xhr,
    xhr_send,
    xhr_streaming,
    eventsource,
    unsupported,  ///< htmlfile, jsonp, jsonp_send
};

/// A place as what follows the route's path, in the syntax of route_pattern.
struct suffix {
    place at;
    std::string_view pattern;
    std::size_t segments;
};
inline constexpr std::string_view server_variable = "sockjs-server";
inline constexpr std::string_view session_variable = "sockjs-session";
/// All of them; the greeting stands twice, without and with a slash.
const std::array<suffix, 13>& suffixes();

/// What ws-transport says of a connection that was opened at this place: its transport's name, `raw` for the WebSocket without SockJS's
/// frames, nothing for the route's own path.
std::string_view transport_word(place at);

/// `path` with its last segment as `iframe.html` when that is a page for any version of the client (iframe-1.6.1.html), else as it is.
std::string canonical(std::string_view path);

/// Server and session are not empty and have no '.', so that no path is two things at once.
bool is_id(std::string_view segment);

// --------------------------------------------------------------------------------------------------- frames

inline constexpr std::string_view open_frame = "o";
inline constexpr std::string_view heartbeat_frame = "h";

/// Appends `a["text"]`. False, and nothing appended, when the text is not UTF-8: SockJS has no other messages. What browsers mangle
/// is escaped: C0, U+200C-200F, U+2028-202F, U+2060-206F, U+FFF0-FFFF and, as pairs, all beyond U+FFFF.
bool append_message(std::string& out, std::string_view text);
/// `"text"` out of what append_message made: several of them, with commas between, make one frame.
inline std::string_view inner(std::string_view message_frame) {
    return message_frame.substr(2, message_frame.size() - 3);
}
/// `c[code,"reason"]`; without a code that can be sent (0, 1005, 1006): 3000, "Go away!".
std::string close_frame(std::uint16_t code, std::string_view reason);

/// A client's messages: a JSON array of strings or one string; nothing at all is none. What a lone surrogate stands for is U+FFFD.
/// Reason: bad_json.
result<std::vector<std::string>> decode(std::string_view payload);
/// How long the frame of a client's message of at most `message` bytes may be, escaped and with a few beside it.
constexpr std::uint64_t encoded_limit(std::uint64_t message) {
    return 4 * message + 64;
}

// ---------------------------------------------------------------------------------------------------- pages

/// The body of /info. `entropy`: fresh random bits; browsers without a generator of their own mix them in.
std::string info(std::uint32_t entropy);
/// The page of iframe transports. `library`: URL of the client, of the page's own version; `integrity`: its hash (W3C Subresource
/// Integrity), empty: none, for a library of the same host.
std::string iframe_page(std::string_view library, std::string_view integrity);

/// "/ws?x=1&t=1540171800123" without the `t` that the client adds to each XHR so that no cache answers it.
std::string_view without_cache_buster(std::string_view target);

}  // namespace wsidecar::proto::sockjs
