#include "proto/http/proxy_protocol.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "proto/text/cidr.hpp"
#include "proto/text/words.hpp"

namespace wsidecar::proto {
namespace {

using namespace std::string_view_literals;

constexpr auto signature = "\r\n\r\n\0\r\nQUIT\n"sv;  ///< of version 2
constexpr auto word = "PROXY "sv;                     ///< of version 1
constexpr std::size_t fixed = 16;                     ///< version 2: signature, command, family, length
constexpr std::size_t longest_line = 107;             ///< version 1, with CRLF

proxy_header problem_of(const char* why) {
    return {proxy_header::state::problem, {}, why};
}

bool begins_as(std::string_view bytes, std::string_view wanted) {
    const auto n = std::min(bytes.size(), wanted.size());
    return bytes.substr(0, n) == wanted.substr(0, n);
}

std::size_t length_of(std::string_view head) {
    return fixed + static_cast<std::size_t>(big_endian(head.substr(14), 2));
}

bool is_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
    return !text.empty() && ec == std::errc() && end == text.data() + text.size();
}

/// PROXY TCP4 192.0.2.1 198.51.100.7 56324 443
proxy_header read_line(std::string_view line) {
    std::array<std::string_view, 7> parts;  // one more than there may be
    std::size_t count = 0;
    for (auto rest = line; count < parts.size();) {
        const auto space = rest.find(' ');
        parts[count++] = rest.substr(0, space);
        if (space == std::string_view::npos) {
            break;
        }
        rest.remove_prefix(space + 1);
    }
    if (count >= 2 && parts[1] == "UNKNOWN") {
        return {proxy_header::state::complete, {}, ""};
    }
    const bool v6 = parts[1] == "TCP6";
    const auto from = parse_ip(parts[2]);
    const auto to = parse_ip(parts[3]);
    const auto fits = [&](std::string_view text) { return (text.find(':') != std::string_view::npos) == v6; };
    const bool plain = parts[2].find_first_of("[]%") == std::string_view::npos;
    if (count != 6 || (!v6 && parts[1] != "TCP4") || !from || !to || !plain || !fits(parts[2]) || !fits(parts[3]) ||
        !is_port(parts[4]) || !is_port(parts[5])) {
        return problem_of("the line of version 1 is malformed");
    }
    return {proxy_header::state::complete, ip_text(*from), ""};
}

proxy_header read_binary(std::string_view bytes) {
    const auto command = static_cast<unsigned char>(bytes[12]);
    const auto family = static_cast<unsigned char>(bytes[13]) >> 4U;
    const auto addresses = bytes.substr(fixed);
    if (command >> 4U != 2 || (command & 0xFU) > 1) {
        return problem_of("the version or command of the binary header is not known");
    }
    proxy_header out{proxy_header::state::complete, {}, ""};
    if ((command & 0xFU) == 0 || family == 0 || family == 3) {
        return out;  // LOCAL, or a family without addresses that say anything
    }
    ip_bytes client{};
    if (family == 1 && addresses.size() >= 12) {
        client[10] = client[11] = 0xFF;
        std::copy_n(addresses.begin(), 4, client.begin() + 12);
    } else if (family == 2 && addresses.size() >= 36) {
        std::copy_n(addresses.begin(), 16, client.begin());
    } else {
        return problem_of("the addresses of the binary header are cut short or of an unknown family");
    }
    out.address = ip_text(client);
    return out;
}

}  // namespace

std::size_t proxy_header_part(std::string_view before, std::string_view next) {
    // Neither form is shorter than the signature.
    if (before.size() < signature.size()) {
        return std::min(signature.size() - before.size(), next.size());
    }
    if (before.starts_with(signature)) {
        const auto whole = before.size() < fixed ? fixed : length_of(before);
        return std::min(whole - std::min(whole, before.size()), next.size());
    }
    const auto end = next.find('\n');
    return end == std::string_view::npos ? next.size() : end + 1;
}

proxy_header read_proxy_header(std::string_view bytes) {
    if (begins_as(bytes, signature)) {
        if (bytes.size() < fixed) {
            return {};
        }
        if (length_of(bytes) > proxy_header_limit) {
            return problem_of("the binary header is too long");
        }
        return bytes.size() < length_of(bytes) ? proxy_header{} : read_binary(bytes);
    }
    if (!begins_as(bytes, word)) {
        return problem_of("the connection does not begin with a PROXY protocol header");
    }
    if (bytes.find('\n') < bytes.size() - 1) {
        return problem_of("the line of version 1 is malformed");
    }
    if (!bytes.ends_with('\n')) {
        return bytes.size() < longest_line ? proxy_header{} : problem_of("the line of version 1 is too long");
    }
    if (bytes.size() > longest_line || !bytes.ends_with("\r\n")) {
        return problem_of("the line of version 1 is malformed");
    }
    return read_line(bytes.substr(0, bytes.size() - 2));
}

proxy_front optional_proxy_header(std::string_view bytes) {
    using state = proxy_header::state;
    if (!begins_as(bytes, signature) && !begins_as(bytes, word)) {
        return {state::complete, 0};
    }
    if (bytes.size() < signature.size()) {
        return {};  // it may still be another word that begins with P
    }
    const auto line = bytes.starts_with(word) ? bytes.find('\n') + 1 : bytes.size() < fixed ? 0 : length_of(bytes);
    const auto size = line == 0 ? bytes.size() : std::min(line, bytes.size());
    return {read_proxy_header(bytes.substr(0, size)).what, size};
}

}  // namespace wsidecar::proto
