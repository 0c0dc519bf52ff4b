#pragma once

#include <string>
#include <string_view>

namespace wsidecar::proto::event_stream {

/// Server-sent events (WHATWG HTML section 9.2) as they are written; reading is the browser's.

/// Whether an Accept header's value takes text/event-stream (by name: `*/*` is any page's). `accept`: all its lines, joined by commas.
bool is_accepted(std::string_view accept);

/// The id of the last event that a client had: of the header Last-Event-ID, which browsers send when they come again by themselves, else
/// the query's `lastEventId`, for pages that do, which cannot set it. Empty: none.
std::string_view last_id(std::string_view header, std::string_view query);

/// A text message, without its id: a `data:` line for each of its lines. CR and CRLF end lines, too, so that they arrive as LF.
std::string of_text(std::string_view text);
/// A binary message: event `binary`, base64.
std::string of_binary(std::string_view bytes);
/// Any other event; `data` has one line.
std::string of_event(std::string_view name, std::string_view data);

}  // namespace wsidecar::proto::event_stream
