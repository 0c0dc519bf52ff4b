// What a load balancer, or whoever reaches the port, sends before anything else, in two ways of cutting it.

#include <cstddef>
#include <cstdint>
#include <string>

#include "proto/http/proxy_protocol.hpp"
#include "proto/text/cidr.hpp"

namespace {

using namespace wsidecar::proto;

/// What the header says and how many bytes it took.
std::string read(std::string_view bytes, std::size_t piece) {
    std::string taken;
    for (std::size_t at = 0; at < bytes.size();) {
        const auto next = bytes.substr(at, piece);
        const auto part = proxy_header_part(taken, next);
        if (part == 0 || part > next.size()) {
            __builtin_trap();
        }
        taken += next.substr(0, part);
        at += part;
        const auto h = read_proxy_header(taken);
        if (h.what == proxy_header::state::problem) {
            return "problem";
        }
        if (h.what == proxy_header::state::complete) {
            if (!h.address.empty() && !parse_ip(h.address)) {
                __builtin_trap();
            }
            return h.address + ' ' + std::to_string(taken.size());
        }
        if (taken.size() > proxy_header_limit) {
            __builtin_trap();
        }
    }
    return "incomplete";
}

/// Where a header need not be there: it is the same one, and more bytes do not change what was found in a part of them.
void check_optional(std::string_view bytes) {
    const auto all = optional_proxy_header(bytes);
    const bool found = all.what == proxy_header::state::complete && all.size > 0;
    if (all.size > bytes.size() || (found && read_proxy_header(bytes.substr(0, all.size)).what != all.what)) {
        __builtin_trap();
    }
    for (std::size_t n = 1; n < bytes.size() && n < 200; ++n) {
        const auto part = optional_proxy_header(bytes.substr(0, n));
        if (part.what == proxy_header::state::complete && (part.size != all.size || all.what != part.what)) {
            __builtin_trap();
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (read(bytes, 1) != read(bytes, 256)) {
        __builtin_trap();
    }
    if (!bytes.empty()) {
        check_optional(bytes);
    }
    return 0;
}
