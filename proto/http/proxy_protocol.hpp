#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace wsidecar::proto {

/// The header that a load balancer puts in front of a connection's own bytes to say who the client is: The PROXY protocol,
/// versions 1 (a line) and 2 (binary), https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt.
struct proxy_header {
    enum class state : std::uint8_t { incomplete, complete, problem };
    state what = state::incomplete;
    std::string address;   ///< complete: the client's, as ip_text() writes it; empty: the header names none (LOCAL, UNKNOWN)
    const char* why = "";  ///< problem: what is wrong, for people
};

/// Longest header that is read, in bytes: version 2 may carry certificates' fields behind the addresses.
inline constexpr std::size_t proxy_header_limit = 16 + 4096;

/// How many bytes of `next`, which follow `before`, belong to the header at the least, so that none of what comes behind it is
/// taken: not 0 while the header is incomplete and `next` is not empty.
std::size_t proxy_header_part(std::string_view before, std::string_view next);

/// Reads what was gathered of it so far with proxy_header_part().
proxy_header read_proxy_header(std::string_view bytes);

}  // namespace wsidecar::proto
