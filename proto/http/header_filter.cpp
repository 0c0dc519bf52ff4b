#include "proto/http/header_filter.hpp"

#include <algorithm>
#include <array>

#include "proto/text/ascii.hpp"

namespace wsidecar::proto {

namespace {

constexpr char_set is_plain([](char c) { return is_alpha(c) || is_digit(c) || c == '-'; });

}  // namespace

bool is_plain_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return is_plain(c); });
}

namespace {

template <class Names>
bool is_in(std::string_view name, const Names& names) {
    return std::any_of(names.begin(), names.end(), [&](std::string_view n) { return iequals(name, n); });
}

template <class Prefixes>
bool has_prefix(std::string_view name, const Prefixes& prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view p) { return istarts_with(name, p); });
}

bool is_own(std::string_view name) {
    static constexpr std::array<std::string_view, 4> prefixes{"ce-", "ws-", "stomp-", "webhook-"};
    return has_prefix(name, prefixes) || iequals(name, "Idempotency-Key");
}

bool is_hop_by_hop(std::string_view name) {
    static constexpr std::array<std::string_view, 9> names{
        "Connection", "Keep-Alive", "Proxy-Connection",  "Proxy-Authorization", "TE",
        "Trailer",    "Upgrade",    "Transfer-Encoding", "HTTP2-Settings"};
    return is_in(name, names);
}

bool is_forwarded_family(std::string_view name) {
    return istarts_with(name, "X-Forwarded-") || iequals(name, "Forwarded") || iequals(name, "X-Real-IP");
}

/// Browsers can send a token in no other header: passes where a list has it by its whole name.
bool is_offered_subprotocols(std::string_view name) {
    return iequals(name, "Sec-WebSocket-Protocol");
}

/// Speaks of the handshake itself, or of a message that an event is not.
bool is_about_the_handshake(std::string_view name) {
    static constexpr std::array<std::string_view, 5> names{"Host", "Accept-Encoding", "Range", "Expect", "traceparent"};
    static constexpr std::array<std::string_view, 3> prefixes{"Sec-WebSocket-", "Content-", "If-"};
    return is_in(name, names) || has_prefix(name, prefixes);
}

/// Whether no list lets this name pass.
bool is_never_forwarded(std::string_view name) {
    return is_own(name) || is_hop_by_hop(name) || (is_about_the_handshake(name) && !is_offered_subprotocols(name));
}

void add_line(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

bool has_element(std::string_view list, std::string_view name) {
    bool found = false;
    each_element(list, ',', [&](std::string_view e) { found = found || iequals(e, name); });
    return found;
}

/// Calls f(name, line) for each complete line of `lines`.
template <class F>
void each_line(std::string_view lines, F f) {
    while (!lines.empty()) {
        const auto size = std::min(lines.find('\n'), lines.size() - 1) + 1;
        const auto line = lines.substr(0, size);
        f(line.substr(0, line.find(':')), line);
        lines.remove_prefix(size);
    }
}

}  // namespace

std::span<const std::string_view> connect_header_names() {
    static constexpr std::array<std::string_view, 13> names{
        "Cookie",          "Authorization",     "Origin",           "Referer",          "User-Agent", "Accept-Language",
        "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Host", "X-Real-IP",  "X-Request-Id",
        "tracestate"};
    return names;
}

result<void> header_filter::add(std::string_view pattern) {
    const bool prefix = pattern.ends_with('*');
    const auto name = pattern.substr(0, pattern.size() - (prefix ? 1 : 0));
    if (pattern.empty() || (!name.empty() && !is_plain_name(name))) {
        return problem{"bad_header_pattern", "a header's name is of A-Z a-z 0-9 -, '*' stands at its end only"};
    }
    if (prefix || !is_never_forwarded(name)) {
        (prefix ? prefixes_ : names_).push_back(to_lower(name));
    }
    return {};
}

result<header_filter> header_filter::compile(std::span<const std::string> names) {
    header_filter f;
    for (const auto& n : names) {
        if (const auto r = f.add(n); !r) {
            return r.error();
        }
    }
    return f;
}

result<header_filter> header_filter::for_connect(std::span<const std::string> more) {
    auto f = compile(more);
    if (f) {
        for (const auto n : connect_header_names()) {
            (void)f->add(n);
        }
    }
    return f;
}

result<header_filter> header_filter::for_replay(std::span<const std::string> replayed, std::span<const std::string> more) {
    std::vector<std::string> all(replayed.begin(), replayed.end());
    all.insert(all.end(), more.begin(), more.end());
    return compile(all);
}

bool header_filter::allows(std::string_view name) const {
    // The list first: most headers of a handshake are on none, and `names_` has only names that may pass.
    if (is_in(name, names_)) {
        return true;
    }
    return has_prefix(name, prefixes_) && is_plain_name(name) && !is_never_forwarded(name) && !is_offered_subprotocols(name);
}

std::string header_filter::lines(const request_head& head, std::string_view forwarded, cookies c) const {
    std::string out;
    bool cookie_done = c == cookies::without;
    const auto named_by_connection = head.joined("Connection");
    for (const auto& h : head.headers) {
        if (is_forwarded_family(h.name) || !allows(h.name) || has_element(named_by_connection, h.name)) {
            continue;
        }
        if (!iequals(h.name, "Cookie")) {
            add_line(out, h.name, h.value);
        } else if (!cookie_done) {
            cookie_done = true;
            add_line(out, h.name, cookie_of(head));
        }
    }
    each_line(forwarded, [&](std::string_view name, std::string_view line) {
        if (allows(name)) {
            out.append(line);
        }
    });
    return out;
}

std::string cookie_of(const request_head& head) {
    return head.joined("Cookie", "; ");
}

std::string pass_lines(const request_head& head, std::string_view forwarded) {
    std::string out;
    for (const auto& h : head.headers) {
        const bool framing = iequals(h.name, "Host") || iequals(h.name, "Content-Length");
        if (!framing && is_plain_name(h.name) && !is_own(h.name) && !is_hop_by_hop(h.name) && !is_forwarded_family(h.name) &&
            !head.has_token("Connection", h.name)) {
            add_line(out, h.name, h.value);
        }
    }
    return out.append(forwarded);
}

}  // namespace wsidecar::proto
