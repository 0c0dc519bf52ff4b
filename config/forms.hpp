#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wsidecar::config {

/// Visible ASCII only (no space): fit for a request line or a header's value.
bool is_visible(std::string_view text);

/// A token of RFC 9110 section 5.6.2: header names, subprotocols.
bool is_token(std::string_view text);

/// A header's name of letters, digits and '-', or the front of one with a final '*'.
bool is_header_pattern(std::string_view text);

/// A header's name, or the front of some, that is never forwarded whatever a list says: what wsidecar sets itself, hop-by-hop
/// headers, and what speaks of the handshake or its message (proto/header_filter.hpp).
bool is_never_forwarded(std::string_view pattern);

/// `https://shop.example`, `http://localhost:3000`, an origin of another scheme as pages in shells have them
/// (`capacitor://localhost`, `chrome-extension://id`), `file://`, or `null` (RFC 6454).
bool is_origin(const std::string& text);

/// An address or a CIDR block.
bool is_network(const std::string& text);

/// `host:port` or `[v6]:port`, with a port of 1 to 65535.
bool is_host_and_port(std::string_view text);

/// Redis Cluster's hash tag: what is between the first '{' and the next '}'. Empty if there is none.
std::string_view hash_tag_of(std::string_view key);

/// `whsec_` and base64, or any other text (Standard Webhooks).
bool is_signing_secret(std::string_view text);

/// The names in `{name}` and `{name...}`, in their order, without the dots.
std::vector<std::string_view> template_names(std::string_view text);

/// The front of STOMP destinations: `/topic`, visible, without a slash at its end.
bool is_destination_prefix(std::string_view text);

/// A JSON Pointer of RFC 6901: "" or "/a/~1b/0".
bool is_json_pointer(std::string_view text);

/// What is wrong with a template of a source: `{/json/pointer}`, `{channel}`, `{1}` to `{stars}`, or, of a stream, `{entry/json/pointer}`;
/// empty: nothing.
std::string wrong_in_source_template(std::string_view text, std::size_t stars, bool stream);

}  // namespace wsidecar::config
