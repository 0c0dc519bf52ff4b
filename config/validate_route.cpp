#include "config/validate_route.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "config/forms.hpp"
#include "config/values.hpp"

namespace wsidecar::config {
namespace {

/// A name that nothing replaces would make one user or group of all clients.
void one_template(const std::string& text, const std::vector<std::string_view>& known, const std::string& path,
                  const complain& here) {
    if (std::count(text.begin(), text.end(), '{') != std::count(text.begin(), text.end(), '}')) {
        here("'" + text + "' has a brace that is not closed");
        return;
    }
    for (const auto name : template_names(text)) {
        if (std::find(known.begin(), known.end(), name) == known.end()) {
            here("'" + text + "': '" + std::string(name) + "' is no variable of '" + path + "'");
        }
    }
}

void templates(const route& r, const complain& here) {
    auto known = template_names(r.path);
    for (const auto& text : r.groups) {
        one_template(text, known, r.path, here);
    }
    one_template(r.user, known, r.path, here);
    known.emplace_back("event");
    one_template(r.event_path, known, r.path, here);
}

void tokens(const route& r, const complain& here) {
    const jwt& j = r.jwt;
    if (!j.on()) {
        if (!j.issuer.empty() || !j.audience.empty() || !j.groups.empty()) {
            here("'jwt' needs 'jwks_file' or 'secret_file'");
        }
        return;
    }
    if (!j.jwks_file.empty() && !j.secret_file.empty()) {
        here("'jwt' has 'jwks_file' or 'secret_file', not both: a key set may hold secrets too (kty oct)");
    }
    if (j.from.empty()) {
        here("'jwt.from' has at least one of header, cookie, subprotocol, query");
    }
    for (const auto& place : j.from) {
        const auto colon = place.find(':');
        const auto kind = place.substr(0, colon);
        const bool named = kind == "cookie" || kind == "query";
        if ((!named && kind != "header" && kind != "subprotocol") ||
            (colon != std::string::npos && (!named || !is_token(std::string_view(place).substr(colon + 1))))) {
            here("'jwt.from' has header, cookie, subprotocol, query, cookie:NAME and query:NAME, not '" + place + "'");
        }
    }
    for (const auto& [key, claim] : {std::pair{"jwt.user", &j.user}, {"jwt.groups", &j.groups}}) {
        if (claim->starts_with('/') && !is_json_pointer(*claim)) {
            here(std::string("'") + key + "' is a claim's name or a JSON Pointer like /realm_access/roles");
        }
    }
    if (j.leeway > std::chrono::minutes(10)) {
        here("'jwt.leeway' is at most 10m");
    }
    if (!r.user.empty() && !j.user.empty()) {
        here("the user comes from the path ('user') or from the token ('jwt.user'), not from both");
    }
}

void sockjs(const route& r, const complain& here) {
    if (r.sockjs && r.protocol == "raw") {
        here("'sockjs: true' belongs to 'protocol: stomp'; for raw messages use 'protocol: sockjs'");
    }
    if (!r.has_sockjs()) {
        return;
    }
    const auto names = template_names(r.path);
    if (r.path.ends_with("...}") || (r.path.size() > 1 && r.path.ends_with('/')) ||
        std::any_of(names.begin(), names.end(), [](auto n) { return n.starts_with("sockjs-"); })) {
        here(
            "a SockJS route's 'path' has no {rest...} and no slash at its end, for SockJS's own paths come behind it, and "
            "no "
            "variable sockjs-...");
    }
    const bool url = r.sockjs_library.starts_with("/") || r.sockjs_library.starts_with("http");
    if (!url || !is_visible(r.sockjs_library) || r.sockjs_library.find_first_of("\"<>") != std::string::npos) {
        here("'sockjs_library' is a URL or a path");
    }
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '=' ||
               c == '-' || c == ' ';
    };
    if (!r.sockjs_integrity.empty() &&
        (!r.sockjs_integrity.starts_with("sha") || !std::all_of(r.sockjs_integrity.begin(), r.sockjs_integrity.end(), plain))) {
        here("'sockjs_integrity' is a hash like sha384-...");
    }
    // Whoever has that host's path would run what he likes in the app's origin.
    const bool elsewhere = r.sockjs_library.starts_with("http") || r.sockjs_library.starts_with("//");
    if (url && elsewhere && r.library_integrity().empty()) {
        here("'sockjs_library' of another host needs 'sockjs_integrity', the hash of exactly this file: sha384-...");
    }
}

}  // namespace

void validate_headers(const std::string& key, const std::vector<std::string>& list, const complain& here) {
    for (const auto& h : list) {
        if (!is_header_pattern(h)) {
            here("'" + key + "' has names of letters, digits and '-', or their front and a '*', not '" + h + "'");
        } else if (is_never_forwarded(h)) {
            here("'" + key + "' has '" + h +
                 "', which no event ever carries: wsidecar sets it itself, or it speaks of the handshake only. What the "
                 "client offered as Sec-WebSocket-Protocol is in ws-subprotocols");
        }
    }
}

void validate_origins(const std::vector<std::string>& list, const complain& here) {
    if (list.empty()) {
        here("'origins' is same, \"*\", or a list of origins");
    }
    for (const auto& o : list) {
        if (list.size() == 1 && (o == "same" || o == "*")) {
            continue;
        }
        if (!is_origin(o)) {
            here("'origins' is same or \"*\" alone, or has entries like https://shop.example, not '" + o + "'");
        }
    }
}

void validate_route(const config& global, const route& r, const complain& here) {
    sockjs(r, here);
    if (r.sse && r.protocol != "raw") {
        here("'sse' is for 'protocol: raw'");
    }
    if (r.protocol != "stomp" && (r.has_event("subscribe") || r.has_event("unsubscribe"))) {
        here("'events' subscribe and unsubscribe are of 'protocol: stomp'");
    }
    for (const auto& [key, prefixes] :
         {std::pair{"app_prefixes", &r.stomp.app_prefixes}, {"broker_prefixes", &r.stomp.broker_prefixes}}) {
        for (const auto& p : *prefixes) {
            if (!is_destination_prefix(p)) {
                here(std::string("'") + key + "' has prefixes like /topic, not '" + p + "'");
            }
        }
    }
    if (!is_destination_prefix(r.stomp.user_prefix)) {
        here("'user_prefix' is a prefix like /user, not '" + r.stomp.user_prefix + "'");
    }
    if (r.path.empty() || r.path.front() != '/') {
        here("a route's 'path' starts with '/'");
    }
    if (!r.event_path.empty() && (r.event_path.front() != '/' || !is_visible(r.event_path))) {
        here("'event_path' starts with '/' and has no spaces");
    }
    const auto slash = r.content_type.find('/');
    const bool one_line =
        std::all_of(r.content_type.begin(), r.content_type.end(), [](char c) { return c >= ' ' && c < 0x7F; });
    if (r.content_type != "auto" && (!one_line || slash == 0 || slash == std::string::npos)) {
        here("'content_type' is auto or a type like application/json");
    }
    if (!std::all_of(r.subprotocols.begin(), r.subprotocols.end(), is_token)) {
        here("'subprotocols' has names without spaces and commas");
    }
    // What a route inherits is complained about where it stands.
    if (r.origins != global.origins) {
        validate_origins(r.origins, here);
    }
    if (r.forward_headers != global.forward_headers) {
        validate_headers("forward_headers", r.forward_headers, here);
    }
    templates(r, here);
    tokens(r, here);
}

}  // namespace wsidecar::config
