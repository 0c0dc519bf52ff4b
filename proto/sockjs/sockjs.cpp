#include "proto/sockjs/sockjs.hpp"

#include <algorithm>

#include "proto/json/json_cursor.hpp"
#include "proto/json/json_text.hpp"
#include "proto/text/ascii.hpp"
#include "proto/text/utf8.hpp"

namespace wsidecar::proto::sockjs {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

bool mangled_by_browsers(std::uint32_t c) {
    return (c >= 0x200C && c <= 0x200F) || (c >= 0x2028 && c <= 0x202F) || (c >= 0x2060 && c <= 0x206F) || c >= 0xFFF0;
}

/// The short forms that JSON has for C0; 0: none.
char short_escape(unsigned char c) {
    switch (c) {
        case '\b': return 'b';
        case '\t': return 't';
        case '\n': return 'n';
        case '\f': return 'f';
        case '\r': return 'r';
        case '"':
        case '\\': return static_cast<char>(c);
        default: return 0;
    }
}

/// The code point at `at` of valid UTF-8, and how many bytes it has.
std::uint32_t code_point(std::string_view s, std::size_t at, std::size_t& size) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(s[at + i])); };
    const auto low = [&](std::size_t i) { return byte(i) & 0x3FU; };
    const std::uint32_t first = byte(0);
    if (first < 0xE0) {
        size = 2;
        return (first & 0x1FU) << 6U | low(1);
    }
    if (first < 0xF0) {
        size = 3;
        return (first & 0x0FU) << 12U | low(1) << 6U | low(2);
    }
    size = 4;
    return (first & 0x07U) << 18U | low(1) << 12U | low(2) << 6U | low(3);
}

void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    std::size_t plain = 0;  // what needs no escape is copied in one piece
    const auto flush = [&](std::size_t at) { out.append(text.substr(plain, at - plain)); };
    for (std::size_t i = 0; i < text.size();) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte < 0x80) {
            const char escape = short_escape(byte);
            if (escape != 0 || byte < 0x20) {
                flush(i);
                escape != 0 ? void(out.append(1, '\\').append(1, escape)) : append_json_escape(out, byte);
                plain = i + 1;
            }
            ++i;
            continue;
        }
        std::size_t size = 0;
        const std::uint32_t c = code_point(text, i, size);
        if (mangled_by_browsers(c)) {
            flush(i);
            if (c > 0xFFFF) {
                append_json_escape(out, 0xD800 + ((c - 0x10000) >> 10U));
                append_json_escape(out, 0xDC00 + ((c - 0x10000) & 0x3FFU));
            } else {
                append_json_escape(out, c);
            }
            plain = i + size;
        }
        i += size;
    }
    flush(text.size());
    out += '"';
}

std::uint32_t unit_at(std::string_view s, std::size_t at) {
    std::uint32_t unit = 0;
    for (std::size_t i = at; i < at + 4; ++i) {
        const char c = lower(s[i]);
        unit = unit * 16 + static_cast<std::uint32_t>(is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    return unit;
}

bool is_high(std::uint32_t unit) {
    return unit >= 0xD800 && unit < 0xDC00;
}
bool is_low(std::uint32_t unit) {
    return unit >= 0xDC00 && unit < 0xE000;
}

/// A JSON string that the cursor has read, quotes included, as text.
std::string unquoted(std::string_view raw) {
    raw = raw.substr(1, raw.size() - 2);
    std::string out;
    out.reserve(raw.size());
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (raw[i] != '\\') {
            out += raw[i];
            continue;
        }
        switch (const char c = raw[++i]) {
            case 'b': out += '\b'; break;
            case 'f': out += '\f'; break;
            case 'n': out += '\n'; break;
            case 'r': out += '\r'; break;
            case 't': out += '\t'; break;
            case 'u': {
                const std::uint32_t unit = unit_at(raw, i + 1);
                i += 4;
                const bool pair = is_high(unit) && raw.substr(i + 1).starts_with("\\u") && is_low(unit_at(raw, i + 3));
                if (pair) {
                    append_code_point(out, 0x10000 + ((unit - 0xD800) << 10U) + (unit_at(raw, i + 3) - 0xDC00));
                    i += 6;
                } else if (is_high(unit) || is_low(unit)) {
                    out += replacement;
                } else {
                    append_code_point(out, unit);
                }
                break;
            }
            default: out += c;
        }
    }
    return out;
}

}  // namespace

const std::array<suffix, 13>& suffixes() {
    static constexpr std::array<suffix, 13> all = {{
        {place::greeting, "", 0},
        {place::greeting, "/", 1},
        {place::info, "/info", 1},
        {place::iframe, "/iframe.html", 1},
        {place::raw_websocket, "/websocket", 1},
        {place::websocket, "/{sockjs-server}/{sockjs-session}/websocket", 3},
        {place::xhr, "/{sockjs-server}/{sockjs-session}/xhr", 3},
        {place::xhr_send, "/{sockjs-server}/{sockjs-session}/xhr_send", 3},
        {place::xhr_streaming, "/{sockjs-server}/{sockjs-session}/xhr_streaming", 3},
        {place::eventsource, "/{sockjs-server}/{sockjs-session}/eventsource", 3},
        {place::unsupported, "/{sockjs-server}/{sockjs-session}/htmlfile", 3},
        {place::unsupported, "/{sockjs-server}/{sockjs-session}/jsonp", 3},
        {place::unsupported, "/{sockjs-server}/{sockjs-session}/jsonp_send", 3},
    }};
    return all;
}

std::string_view transport_word(place at) {
    switch (at) {
        case place::raw_websocket: return "raw";
        case place::websocket: return "websocket";
        case place::xhr: return "xhr";
        case place::xhr_streaming: return "xhr_streaming";
        case place::eventsource: return "eventsource";
        case place::none:
        case place::greeting:
        case place::info:
        case place::iframe:
        case place::xhr_send:
        case place::unsupported: break;
    }
    return {};
}

std::string canonical(std::string_view path) {
    const auto slash = path.rfind('/');
    const std::string_view page = slash == std::string_view::npos ? path : path.substr(slash + 1);
    const bool versioned = page.size() >= 11 && page.starts_with("iframe") && page.ends_with(".html") &&
                           std::all_of(page.begin() + 6, page.end() - 5, [](char c) {
                               return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_';
                           });
    return versioned ? std::string(path.substr(0, slash + 1)) + "iframe.html" : std::string(path);
}

bool is_id(std::string_view segment) {
    return !segment.empty() && segment.find('.') == std::string_view::npos;
}

bool append_message(std::string& out, std::string_view text) {
    if (!valid_utf8(text)) {
        return false;
    }
    out.reserve(out.size() + text.size() + text.size() / 8 + 8);
    out += "a[";
    append_quoted(out, text);
    out += ']';
    return true;
}

std::string close_frame(std::uint16_t code, std::string_view reason) {
    std::string out = "c[";
    if (code == 0 || code == 1005 || code == 1006) {
        code = 3000;
        reason = "Go away!";
    }
    out += std::to_string(code);
    out += ',';
    append_quoted(out, valid_utf8(reason) ? reason : std::string_view());
    return out += ']';
}

result<std::vector<std::string>> decode(std::string_view payload) {
    static constexpr problem bad{"bad_json", "SockJS messages come as a JSON array of strings"};
    std::vector<std::string> out;
    if (payload.empty()) {
        return out;
    }
    if (!valid_utf8(payload)) {
        return bad;
    }
    json_cursor at(payload);
    const auto one = [&] {
        const std::size_t start = at.at();
        if (at.peek() != '"' || !at.string()) {
            return false;
        }
        out.push_back(unquoted(at.since(start)));
        return true;
    };
    const char first = at.space();
    const bool whole = first == '[' ? at.container(0, [&](std::string_view) { return one(); }) : one();
    if (!whole || !at.at_end()) {
        return bad;
    }
    return out;
}

std::string info(std::uint32_t entropy) {
    return "{\"entropy\":" + std::to_string(entropy) + R"(,"origins":["*:*"],"cookie_needed":true,"websocket":true})";
}

std::string iframe_page(std::string_view library, std::string_view integrity) {
    std::string out = R"(<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script src=")";
    out += library;
    if (!integrity.empty()) {
        out.append("\" integrity=\"").append(integrity).append("\" crossorigin=\"anonymous");
    }
    out += R"("></script>
  <script>
    document.domain = document.domain;
    SockJS.bootstrap_iframe();
  </script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>
)";
    return out;
}

std::string_view without_cache_buster(std::string_view target) {
    const auto t = target.rfind("t=");
    if (t == std::string_view::npos || t == 0 || (target[t - 1] != '?' && target[t - 1] != '&') ||
        !std::all_of(target.begin() + static_cast<std::ptrdiff_t>(t) + 2, target.end(), is_digit)) {
        return target;
    }
    return target.substr(0, t - 1);
}

}  // namespace wsidecar::proto::sockjs
