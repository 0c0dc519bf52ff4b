#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/http/http_head.hpp"
#include "sidecar/net/http_reader.hpp"

namespace wsidecar::net {

/// What a passed request gets in addition on its way to the app.
struct pass_hop {
    std::string_view base;       ///< path in front of every target (app.url)
    std::string_view host;       ///< Host header for the app; if empty, the client's is kept
    std::string_view forwarded;  ///< X-Forwarded-* lines, complete
    bool upgrade = false;  ///< keep Upgrade and Connection, for a tunnel; otherwise they are removed as hop-by-hop headers
};

/// The header line with the subject of the client's certificate; empty if there is none.
std::string client_cert_line(const std::optional<std::string>& subject);

/// The request line and the headers for body framing and keep-alive, as scan_head() understood them. Beast's parser gets these instead of
/// the original bytes, so that both agree where the body ends.
std::string framing_head(const proto::request_head& head);

/// The head of the request for the app. Hop-by-hop headers (RFC 9110 section 7.6.1) and headers that only wsidecar may set are removed,
/// X-Forwarded-* are set as given, and the body is framed again. `body` is the parsed form of the same head.
std::string request_for_app(const proto::request_head& head, const request_reader& body, const pass_hop& hop);

/// How the body of an answer is framed for the client.
enum class framing { none, length, chunked, until_close };

framing framing_for(const proto::request_head& request, const answer_reader& answer);

/// The head of the app's answer for the client, without hop-by-hop headers. `keep_alive` says whether the client may send another request.
/// A 101 keeps its Upgrade header.
std::string answer_for_client(const proto::request_head& request, const answer_reader& answer, framing f, bool keep_alive);

/// Appends `bytes` to `out`, as a chunk if `chunked` (RFC 9112 section 7.1). Appends nothing if `bytes` is empty, because an empty chunk would
/// be the last.
void append_framed(std::string& out, std::string_view bytes, bool chunked);
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

/// An answer of wsidecar's own: one line of text.
std::string own_answer(unsigned status, std::string_view text, std::string_view extra_lines, bool keep_alive);

}  // namespace wsidecar::net
