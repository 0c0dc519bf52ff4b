#include "config/forms.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "config/values.hpp"
#include "proto/text/host_port.hpp"

namespace wsidecar::config {
namespace {

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool all_of(std::string_view text, std::string_view others) {
    return std::all_of(text.begin(), text.end(), [&](char c) {
        return is_letter_or_digit(c) || (c != '\0' && others.find(c) != std::string_view::npos);
    });
}

bool is_port(std::string_view text) {
    const auto n = parse_number(text, 65535);
    return n && *n > 0;
}

}  // namespace

bool is_visible(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

bool is_token(std::string_view text) {
    return !text.empty() && all_of(text, "!#$%&'*+-.^_`|~");
}

bool is_header_pattern(std::string_view text) {
    const bool front = text.ends_with('*');
    return !text.empty() && all_of(text.substr(0, text.size() - (front ? 1 : 0)), "-");
}

bool is_never_forwarded(std::string_view pattern) {
    static constexpr std::array<std::string_view, 15> names{
        "idempotency-key", "connection", "keep-alive", "proxy-connection",  "proxy-authorization", "te",
        "trailer",         "upgrade",    "forwarded",  "transfer-encoding", "http2-settings",      "host",
        "accept-encoding", "range",      "expect"};
    static constexpr std::array<std::string_view, 7> fronts{"ce-",      "ws-", "stomp-", "webhook-", "sec-websocket-",
                                                            "content-", "if-"};
    std::string name(pattern);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (name == "sec-websocket-protocol") {
        return false;
    }
    return std::find(names.begin(), names.end(), name) != names.end() ||
           std::any_of(fronts.begin(), fronts.end(), [&](std::string_view front) { return name.starts_with(front); });
}

bool is_origin(const std::string& text) {
    if (text == "null" || text == "file://") {
        return true;
    }
    const auto url = boost::urls::parse_uri(text);
    if (!url || !url->has_authority() || url->has_userinfo() || !url->encoded_path().empty() || url->has_query() ||
        url->has_fragment()) {
        return false;
    }
    const std::string host(url->encoded_host());
    return !host.empty() && all_of(host, "-._~[]:") && (!url->has_port() || is_port(std::string(url->port())));
}

bool is_network(const std::string& text) {
    const auto slash = text.find('/');
    const std::string address = text.substr(0, slash);
    std::array<unsigned char, 16> ignored;
    const bool v4 = inet_pton(AF_INET, address.c_str(), ignored.data()) == 1;
    const bool v6 = !v4 && inet_pton(AF_INET6, address.c_str(), ignored.data()) == 1;
    return (v4 || v6) && (slash == std::string::npos || parse_number(std::string_view(text).substr(slash + 1), v4 ? 32 : 128));
}

bool is_host_and_port(std::string_view text) {
    const auto parts = proto::split_host_port(text);
    if (!parts || parts->port.value_or(0) == 0) {
        return false;
    }
    return text.starts_with('[') ? is_network(std::string(parts->host)) : all_of(parts->host, "-._");
}

std::string_view hash_tag_of(std::string_view key) {
    const auto open = key.find('{');
    const auto close = key.find('}', open == std::string_view::npos ? key.size() : open);
    return close == std::string_view::npos ? std::string_view() : key.substr(open + 1, close - open - 1);
}

bool is_signing_secret(std::string_view text) {
    static constexpr std::string_view front = "whsec_";
    if (!text.starts_with(front)) {
        return !text.empty();
    }
    text.remove_prefix(front.size());
    const auto padding = text.find('=');
    const auto tail = padding == std::string_view::npos ? std::string_view() : text.substr(padding);
    if (text.empty() || text.size() % 4 != 0 || !all_of(text.substr(0, padding), "+/")) {
        return false;
    }
    // The bits that padding leaves over are zero (RFC 4648 section 3.5).
    const std::string_view last = tail == "==" ? "AQgw" : "AEIMQUYcgkosw048";
    return tail.empty() || ((tail == "=" || tail == "==") && last.find(text[padding - 1]) != std::string_view::npos);
}

std::vector<std::string_view> template_names(std::string_view text) {
    std::vector<std::string_view> names;
    for (auto open = text.find('{'); open != std::string_view::npos; open = text.find('{', open + 1)) {
        const auto close = text.find('}', open);
        if (close == std::string_view::npos) {
            break;
        }
        auto name = text.substr(open + 1, close - open - 1);
        if (name.ends_with("...")) {
            name.remove_suffix(3);
        }
        names.push_back(name);
        open = close;
    }
    return names;
}

bool is_destination_prefix(std::string_view text) {
    return text.size() > 1 && text.front() == '/' && text.back() != '/' && is_visible(text);
}

bool is_json_pointer(std::string_view text) {
    if (!text.empty() && text.front() != '/') {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '~' && (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1'))) {
            return false;
        }
    }
    return true;
}

std::string wrong_in_source_template(std::string_view text, std::size_t stars, bool stream) {
    static constexpr std::string_view of_entry = "entry";
    while (!text.empty()) {
        const auto open = text.find_first_of("{}");
        if (open == std::string_view::npos) {
            return "";
        }
        const auto close = text.find('}', open);
        if (text[open] == '}' || close == std::string_view::npos) {
            return "a brace has no other";
        }
        const auto name = text.substr(open + 1, close - open - 1);
        const auto number = name.size() == 1 && name[0] >= '1' && name[0] <= '9' ? static_cast<std::size_t>(name[0] - '0') : 0;
        const auto pointer = stream && name.starts_with("entry/") ? name.substr(of_entry.size()) : name;
        if (name != "channel" && !(pointer.starts_with('/') && is_json_pointer(pointer)) && (number == 0 || number > stars)) {
            return "{" + std::string(name) + "} is neither a JSON Pointer like {/userId}, nor {channel}, nor " +
                   (stream ? "one into the entry, like {entry/userId}" : "the number of a * in 'pattern'");
        }
        text.remove_prefix(close + 1);
    }
    return "";
}

}  // namespace wsidecar::config
