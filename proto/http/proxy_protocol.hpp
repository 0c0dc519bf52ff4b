#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace wsidecar::proto {

/// The header that a load balancer puts in front of a connection's own bytes to say who the client is: the PROXY protocol,
/// versions 1 (a line) and 2 (binary), https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt.
struct proxy_header {
    enum class state : std::uint8_t { incomplete, complete, problem };
    state what = state::incomplete;
    std::string address;   ///< if complete: the client's, as by ip_text(); empty if the header has none (LOCAL, UNKNOWN)
    const char* why = "";  ///< if there is a problem: a text for people
};

/// The longest header that is read, in bytes. Version 2 may have fields of certificates behind the addresses.
inline constexpr std::size_t proxy_header_limit = 16 + 4096;

/// How many bytes of `next`, which follow `before`, certainly belong to the header, so that no byte behind it is taken. Not 0 while the
/// header is incomplete and `next` is not empty.
std::size_t proxy_header_part(std::string_view before, std::string_view next);

/// Reads the bytes that were gathered with proxy_header_part() so far.
proxy_header read_proxy_header(std::string_view bytes);

/// What stands in front of a connection that may begin with a header, and need not.
struct proxy_front {
    proxy_header::state what = proxy_header::state::incomplete;
    std::size_t size = 0;  ///< if complete: bytes of the header; 0: there is none
};

/// Looks at all bytes of a connection so far, at least one, for connections whose other bytes are HTTP.
proxy_front optional_proxy_header(std::string_view bytes);

}  // namespace wsidecar::proto
