#pragma once

#include <string>
#include <string_view>

namespace wsidecar::proto::event_stream {

/// Writes server-sent events (WHATWG HTML section 9.2). Browsers read them.

/// Whether an Accept header names text/event-stream; `*/*` does not count, since every page sends it. `accept` has all its lines, with commas.
bool is_accepted(std::string_view accept);

/// The id of the last event that a client received: from the header Last-Event-ID, which browsers send when they reconnect by themselves,
/// or else from `lastEventId` in the query, for pages that reconnect and cannot set that header. Empty if there is none.
std::string_view last_id(std::string_view header, std::string_view query);

/// Writes a text message without an id: one `data:` line for each of its lines. CR and CRLF also end lines, so they arrive as LF.
std::string of_text(std::string_view text);
/// Writes a binary message: an event `binary` with base64.
std::string of_binary(std::string_view bytes);
/// Writes any other event. `data` has one line.
std::string of_event(std::string_view name, std::string_view data);

}  // namespace wsidecar::proto::event_stream
