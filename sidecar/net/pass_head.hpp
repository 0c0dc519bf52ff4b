#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/http/http_head.hpp"
#include "sidecar/net/http_reader.hpp"

namespace wsidecar::net {

/// What a passed request gets on its way to the app.
struct pass_hop {
    std::string_view base;       ///< path in front of every target (app.url)
    std::string_view host;       ///< Host for the app; empty: the client's
    std::string_view forwarded;  ///< X-Forwarded-* lines, complete
    bool upgrade = false;        ///< Upgrade and Connection stay (a tunnel); else they are hop-by-hop
};

/// The line that tells the app whose certificate the client has shown; empty: none.
std::string client_cert_line(const std::optional<std::string>& subject);

/// The request line and the headers that frame the body and keep the connection, as scan_head() understood them: what Beast's
/// parser is given, so that no other reading of the same bytes decides where the body ends.
std::string framing_head(const proto::request_head& head);

/// The head of the request for the app: hop-by-hop headers (RFC 9110 7.6.1) removed, and those that wsidecar itself sets
/// (nobody can pose as it), X-Forwarded-* as given, the body framed anew. `body` is the same head as it was parsed.
std::string request_for_app(const proto::request_head& head, const request_reader& body, const pass_hop& hop);

/// How the body of an answer goes to the client.
enum class framing { none, length, chunked, until_close };

framing framing_for(const proto::request_head& request, const answer_reader& answer);

/// The head of the app's answer for the client, hop-by-hop headers removed. `keep_alive`: whether the client may go on.
/// A 101 keeps Upgrade.
std::string answer_for_client(const proto::request_head& request, const answer_reader& answer, framing f, bool keep_alive);

/// Appends `bytes` to `out`, as a chunk if `chunked` (RFC 9112 7.1). Nothing for no bytes: an empty chunk is the last.
void append_framed(std::string& out, std::string_view bytes, bool chunked);
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

/// An answer of wsidecar's own: one line of text.
std::string own_answer(unsigned status, std::string_view text, std::string_view extra_lines, bool keep_alive);

}  // namespace wsidecar::net
