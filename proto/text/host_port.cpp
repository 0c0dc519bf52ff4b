#include "proto/text/host_port.hpp"

#include <charconv>
#include <string>

namespace wsidecar::proto {

std::optional<host_port> split_host_port(std::string_view text) {
    host_port out;
    std::string_view rest;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) {
            return std::nullopt;
        }
        out.host = text.substr(1, close - 1);
        rest = text.substr(close + 1);
    } else if (const auto colon = text.find(':'); colon == text.rfind(':')) {
        out.host = text.substr(0, colon);
        rest = text.substr(out.host.size());
    } else {
        out.host = text;  // several colons and no brackets: an IPv6 address
    }
    if (out.host.empty() || out.host.find_first_of("[]") != std::string_view::npos) {
        return std::nullopt;
    }
    if (rest.empty()) {
        return out;
    }
    rest.remove_prefix(rest.front() == ':' ? 1 : 0);
    std::uint16_t port = 0;
    const auto [end, ec] = std::from_chars(rest.data(), rest.data() + rest.size(), port);
    if (text[text.size() - rest.size() - 1] != ':' || ec != std::errc() || end != rest.data() + rest.size()) {
        return std::nullopt;
    }
    out.port = port;
    return out;
}

std::optional<host_port> split_listen_address(std::string_view text) {
    static constexpr std::string_view any_host = "*";
    if (text.starts_with(':')) {
        const auto port = split_host_port(std::string(any_host).append(text));
        return port ? std::optional(host_port{{}, port->port}) : std::nullopt;
    }
    const auto parts = split_host_port(text);
    return parts && parts->port ? parts : std::nullopt;
}

}  // namespace wsidecar::proto
