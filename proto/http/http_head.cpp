#include "proto/http/http_head.hpp"

#include <algorithm>

#include "proto/text/ascii.hpp"
#include "proto/text/host_port.hpp"

namespace wsidecar::proto {

namespace {

constexpr char_set is_control([](char c) {
    const auto u = static_cast<unsigned char>(c);
    return (u < 0x20 && c != '\t') || u == 0x7F;
});

constexpr std::size_t usual_headers = 16;

/// A line and what follows it.
struct line_end {
    bool found = false;
    std::string_view line;  ///< without CRLF; not found: what there is of it
    std::size_t next = 0;   ///< where the next line begins
    const char* why = nullptr;
};

/// The line that begins at `from`. Control characters, CR and LF by themselves are refused as soon as they are seen.
line_end read_line(std::string_view bytes, std::size_t from) {
    line_end l;
    const auto lf = bytes.find('\n', from);
    l.found = lf != std::string_view::npos;
    l.line = bytes.substr(from, l.found ? lf - from : std::string_view::npos);
    if (l.found) {
        l.next = lf + 1;
        if (l.line.empty() || l.line.back() != '\r') {
            l.why = "bare_lf";
            return l;
        }
    }
    if (!l.line.empty() && l.line.back() == '\r') {
        l.line.remove_suffix(1);  // unfinished line: its LF may still come
    }
    const auto bad = std::find_if(l.line.begin(), l.line.end(), [](char c) { return is_control(c); });
    if (bad != l.line.end()) {
        l.why = *bad == '\r' ? "bare_cr" : "control_character";
    }
    return l;
}

/// Printable ASCII without space: all that a request target may have.
bool is_target(std::string_view s) {
    return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

/// A target in absolute-form becomes its path and query; returns its authority. Nothing: it has another form.
std::optional<std::string_view> take_authority(request_head& h) {
    std::string_view& target = h.target;
    const auto colon = target.find("://");
    const auto scheme = target.substr(0, colon);
    const auto is = [&](std::string_view name) { return iequals(scheme, name); };
    if (colon == std::string_view::npos || !(is("http") || is("https") || is("ws") || is("wss"))) {
        return std::nullopt;
    }
    const auto rest = target.substr(colon + 3);
    const auto end = std::min(rest.find_first_of("/?#"), rest.size());
    target = end == rest.size() ? "/" : rest.substr(end);
    if (target.front() == '?') {  // an empty path is the path "/" (RFC 9110 section 4.2.3)
        h.written_target = std::make_shared<const std::string>('/' + std::string(target));
        target = *h.written_target;
    }
    return rest.substr(0, end);
}

/// What Host says counts no more, as long as it can be read (RFC 9112 section 3.2.2).
void put_authority(request_head& h, std::string_view authority) {
    bool there = false;
    for (auto& header : h.headers) {
        if (iequals(header.name, "Host")) {
            there = true;
            header.value = is_host(header.value) ? authority : header.value;
        }
    }
    if (!there && h.version == 10) {
        h.headers.push_back({"Host", authority});
    }
}

const char* read_request_line(std::string_view line, request_head& h) {
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == std::string_view::npos) {
        return "bad_request_line";
    }
    h.method = line.substr(0, first);
    if (!is_token(h.method)) {
        return "bad_method";
    }
    if (first == last) {
        return "bad_request_line";
    }
    h.target = line.substr(first + 1, last - first - 1);
    if (!is_target(h.target)) {
        return "bad_target";
    }
    const auto version = line.substr(last + 1);
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
        return "bad_version";
    }
    h.version = version.back() == '1' ? 11 : 10;
    return nullptr;
}

const char* read_header_line(std::string_view line, request_head& h) {
    if (line.front() == ' ' || line.front() == '\t') {
        return "obs_fold";
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) {
        return "no_colon";
    }
    const auto name = line.substr(0, colon);
    if (!name.empty() && (name.back() == ' ' || name.back() == '\t')) {
        return "space_before_colon";
    }
    if (!is_token(name)) {
        return "bad_header_name";
    }
    h.headers.push_back({name, trim(line.substr(colon + 1))});
    return nullptr;
}

head_scan refused(unsigned status, const char* reason, const char* detail) {
    head_scan s;
    s.what = head_scan::state::problem;
    s.status = status;
    s.why = {reason, detail};
    return s;
}

head_scan malformed(const char* reason) {
    return refused(400, reason, "the request head is malformed");
}

}  // namespace

bool is_host(std::string_view s) {
    const bool plain = std::all_of(s.begin(), s.end(), [](char c) {
        return is_alpha(c) || is_digit(c) || std::string_view("-._~:[]").find(c) != std::string_view::npos;
    });
    if (s.ends_with(':') && !s.ends_with("::")) {
        s.remove_suffix(1);  // an empty port is none (RFC 3986 section 3.2.3)
    }
    return plain && split_host_port(s);
}

head_scan scan_head(std::string_view bytes, const head_limits& limits) {
    const auto seen = bytes.substr(0, limits.bytes);
    head_scan scan;
    std::size_t from = 0;
    bool request_line = false;
    bool empty_line = false;
    for (;;) {
        const line_end l = read_line(seen, from);
        if (l.why != nullptr) {
            return malformed(l.why);
        }
        if (!l.found) {
            break;
        }
        from = l.next;
        if (!request_line) {
            if (l.line.empty()) {
                if (empty_line) {
                    return malformed("empty_line");
                }
                empty_line = true;
                continue;
            }
            if (const char* why = read_request_line(l.line, scan.head)) {
                return malformed(why);
            }
            request_line = true;
            scan.head.headers.reserve(std::min(usual_headers, limits.count));
            continue;
        }
        if (l.line.empty()) {
            if (const auto authority = take_authority(scan.head)) {
                put_authority(scan.head, *authority);
            }
            scan.what = head_scan::state::complete;
            scan.size = from;
            return scan;
        }
        if (scan.head.headers.size() == limits.count) {
            return refused(431, "too_many_headers", "more header lines than limits.header_count");
        }
        if (const char* why = read_header_line(l.line, scan.head)) {
            return malformed(why);
        }
    }
    if (bytes.size() >= limits.bytes) {
        return refused(431, "head_too_big", "the request head is larger than limits.headers");
    }
    scan.head = {};
    return scan;
}

std::optional<std::string_view> request_head::find(std::string_view name) const {
    for (const auto& h : headers) {
        if (iequals(h.name, name)) {
            return h.value;
        }
    }
    return std::nullopt;
}

std::size_t request_head::count(std::string_view name) const {
    return static_cast<std::size_t>(
        std::count_if(headers.begin(), headers.end(), [&](const header_view& h) { return iequals(h.name, name); }));
}

bool request_head::has_token(std::string_view name, std::string_view token) const {
    bool found = false;
    for (const auto& h : headers) {
        if (iequals(h.name, name)) {
            each_element(h.value, ',', [&](std::string_view e) { found = found || iequals(e, token); });
        }
    }
    return found;
}

std::string request_head::joined(std::string_view name, std::string_view separator) const {
    std::string out;
    bool first = true;
    for (const auto& h : headers) {
        if (iequals(h.name, name)) {
            if (!first) {
                out.append(separator);
            }
            out.append(h.value);
            first = false;
        }
    }
    return out;
}

std::vector<std::string_view> request_head::values(std::string_view name) const {
    std::vector<std::string_view> out;
    for (const auto& h : headers) {
        if (iequals(h.name, name)) {
            out.push_back(h.value);
        }
    }
    return out;
}

}  // namespace wsidecar::proto
