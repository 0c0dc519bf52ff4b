#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "proto/stomp/stomp_heartbeat.hpp"
#include "proto/stomp/stomp_version.hpp"

// The frames that a server sends, each whole with its NUL, EOL is LF in all versions.
//
// Headers are escaped as the version has it (1.2 "Value Encoding"): \\ \c \n \r in 1.2, \\ \c \n in 1.1, nothing in 1.0 and in
// CONNECTED. What a version has no escape for can't end a line or a frame all the same: CR and LF become a space each, and so
// does NUL in every version, since clients of old cut the stream at NULs. A header whose name would have such a character, or a
// colon without an escape, or is empty, is left out.
// Texts have to be UTF-8 where they go out as a text message; that is not checked here.

namespace wsidecar::proto::stomp {

using header_list = std::span<const std::pair<std::string, std::string>>;

/// The bytes of a heart-beat.
inline constexpr std::string_view heart_beat_bytes = "\n";

/// CONNECTED. Empty ones are left out; so is heart-beat in 1.0, which has none.
struct greeting {
    heart_beat beats;            ///< the server's own values, as Spring sends them, not the negotiated ones
    std::string_view session;    ///< the connection's id
    std::string_view server;     ///< "name/version"
    std::string_view user_name;  ///< Spring's header for who was authenticated
};
std::string connected(version v, const greeting& g);

/// The two halves of a MESSAGE; put together they are the frame. The head is each subscriber's, the tail can be shared by all
/// that speak the same version. An empty `ack` or `subscription` (1.0 may subscribe without id) is left out; so is `ack` below
/// 1.2, where an ACK names the message-id.
std::string message_head(version v, std::string_view subscription, std::string_view message_id, std::string_view ack = {});

/// destination, content-type (left out when empty), `headers`, content-length, body. Of `headers` those that the frame has by
/// itself are left out: subscription, message-id, ack, destination, content-type, content-length.
std::string message_tail(version v, std::string_view destination, std::string_view content_type, header_list headers,
                         std::string_view body);

std::string receipt(version v, std::string_view receipt_id);

/// ERROR. `receipt_id` and `body` may be empty; `headers`: e.g. {"version", supported_versions} after a failed negotiation.
/// A body is text/plain unless they have a content-type. Before CONNECT was understood any version does as long as `message` is
/// plain text.
std::string error(version v, std::string_view message, std::string_view receipt_id = {}, std::string_view body = {},
                  header_list headers = {});

/// A header's name or value in this version, see above.
void append_escaped(std::string& out, version v, std::string_view text);

}  // namespace wsidecar::proto::stomp
