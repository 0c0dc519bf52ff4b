#include "proto/envelope.hpp"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <cmath>

#include "proto/app_reply.hpp"
#include "proto/base64.hpp"
#include "proto/json_scan.hpp"
#include "proto/rfc3339.hpp"
#include "proto/traceparent.hpp"
#include "proto/utf8.hpp"

namespace wsidecar::proto {
namespace {

using maybe = std::optional<problem>;
constexpr maybe ok{};

constexpr problem bad_member{"bad_member", "a member has the wrong type"};
constexpr problem bad_name{"bad_name", "names have 1 to 256 bytes without NUL, CR, LF"};

char type_of(std::string_view raw) {
    return raw.empty() ? '\0' : raw.front();
}

bool first_time(const std::string& key, std::vector<std::string>& seen) {
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
        return false;
    }
    seen.push_back(key);
    return true;
}

maybe read_names(std::string_view raw, std::vector<std::string>& to, const problem& wrong, bool any = false) {
    const auto one = [&](std::string_view r) -> maybe {
        auto name = json_string(r);
        if (!name) {
            return wrong;
        }
        if (!any && !valid_name(*name)) {
            return bad_name;
        }
        to.push_back(std::move(*name));
        return ok;
    };
    if (type_of(raw) == '"') {
        return one(raw);
    }
    const auto elements = json_elements(raw);
    if (!elements || elements->empty()) {
        return wrong;
    }
    for (const auto r : *elements) {
        if (auto p = one(r)) {
            return p;
        }
    }
    return ok;
}

maybe read_addresses(std::string_view raw, addresses& to, bool own) {
    static constexpr problem bad{"bad_target",
                                 "an address has user, alias, group, connection, destination (a "
                                 "string or an array) or all: true"};
    const auto members = json_members(raw);
    if (!members) {
        return bad;
    }
    std::vector<std::string> seen;  // few: unknown members are refused
    for (const auto& [raw_key, value] : *members) {
        const auto key = json_string(raw_key);
        if (!key || !first_time(*key, seen)) {
            return bad;
        }
        if (*key == "all") {
            if (value != "true" && value != "false") {
                return bad;
            }
            to.all = value == "true";
            continue;
        }
        std::vector<std::string>* list = *key == "user"                  ? &to.users
                                         : *key == "alias"               ? &to.aliases
                                         : *key == "group"               ? &to.groups
                                         : *key == "connection"          ? &to.connections
                                         : *key == "destination"         ? &to.destinations
                                         : *key == "subscription" && own ? &to.subscriptions
                                                                         : nullptr;
        if (list == nullptr) {
            return bad;
        }
        if (auto p = read_names(value, *list, bad, list == &to.subscriptions)) {
            return p;
        }
    }
    return ok;
}

std::optional<double> read_number(std::string_view raw) {
    boost::system::error_code ec;
    const auto v = boost::json::parse(raw, ec);
    if (ec || !v.is_number()) {
        return std::nullopt;
    }
    return v.to_number<double>();
}

maybe read_close(std::string_view raw, envelope& e) {
    static constexpr problem bad{"bad_close",
                                 "close is {\"code\", \"reason\"} with a code that may be sent and at most 123 bytes"};
    const auto members = json_members(raw);
    if (!members) {
        return bad;
    }
    close_order order;
    bool code_given = false;
    for (const auto& [raw_key, value] : *members) {
        const auto key = json_string(raw_key);
        if (key == "code" && !code_given) {
            const auto n = read_number(value);
            if (!n || *n != std::floor(*n) || *n < 0 || *n > 65535 || !valid_close_code(static_cast<unsigned>(*n))) {
                return bad;
            }
            order.code = static_cast<std::uint16_t>(*n);
            code_given = true;
        } else if (key == "reason") {
            auto reason = json_string(value);
            if (!reason || reason->size() > 123) {
                return bad;
            }
            order.reason = std::move(*reason);
        } else {
            return bad;
        }
    }
    if (!code_given) {
        return bad;
    }
    e.close = std::move(order);
    return ok;
}

maybe read_payload(std::string_view key, std::string_view raw, envelope& e) {
    if (e.kind != payload_kind::none) {
        return problem{"two_payloads", "an envelope has one of text, json and binary"};
    }
    if (key == "json") {
        e.kind = payload_kind::text;
        e.payload = json_compact(raw);
        return ok;
    }
    auto text = json_string(raw);
    if (!text) {
        return problem{"bad_payload", "text and binary are strings of valid Unicode"};
    }
    if (key == "text") {
        e.kind = payload_kind::text;
        e.payload = std::move(*text);
        return ok;
    }
    auto bytes = base64_decode(*text);
    if (!bytes) {
        return problem{"bad_base64", "binary is base64 with padding"};
    }
    e.kind = payload_kind::binary;
    e.payload = std::move(*bytes);
    return ok;
}

maybe read_headers(std::string_view raw, envelope& e) {
    static constexpr problem bad{"bad_headers", "headers is an object of strings"};
    const auto members = json_members(raw);
    if (!members) {
        return bad;
    }
    for (const auto& [raw_key, value] : *members) {
        auto key = json_string(raw_key);
        auto text = json_string(value);
        if (!key || key->empty() || !text) {
            return bad;
        }
        e.headers.emplace_back(std::move(*key), std::move(*text));
    }
    return ok;
}

maybe read_string(std::string_view raw, std::string& to, const problem& wrong, std::size_t most = 256) {
    auto s = json_string(raw);
    if (!s || s->empty() || s->size() > most) {
        return wrong;
    }
    to = std::move(*s);
    return ok;
}

maybe read_member(std::string_view key, std::string_view raw, envelope& e, bool own) {
    if (key == "to") {
        return read_addresses(raw, e.to, own);
    }
    if (key == "except") {
        return read_addresses(raw, e.except, own);
    }
    if (key == "text" || key == "json" || key == "binary") {
        return read_payload(key, raw, e);
    }
    if (key == "id") {
        return read_string(raw, e.id, {"bad_id", "id is a string of 1 to 256 bytes"});
    }
    if (key == "ttl") {
        e.ttl = read_number(raw);
        return e.ttl && *e.ttl > 0 && std::isfinite(*e.ttl) ? ok
                                                            : maybe(problem{"bad_ttl", "ttl is a number of seconds above 0"});
    }
    if (key == "time") {
        const auto text = json_string(raw);
        e.time = text ? parse_rfc3339(*text) : std::nullopt;
        return e.time ? ok : maybe(problem{"bad_time", "time is an RFC 3339 date-time"});
    }
    if (key == "join") {
        return read_names(raw, e.join, bad_member);
    }
    if (key == "leave") {
        return read_names(raw, e.leave, bad_member);
    }
    if (key == "close") {
        return read_close(raw, e);
    }
    if (key == "mailbox") {
        e.mailbox = raw == "true";
        return raw == "true" || raw == "false" ? ok : maybe(bad_member);
    }
    if (key == "receipt") {
        return read_string(raw, e.receipt, {"bad_receipt", "receipt is a key of 1 to 1024 bytes"}, 1024);
    }
    if (key == "collapse") {
        return read_string(raw, e.collapse, bad_member);
    }
    if (key == "headers") {
        return read_headers(raw, e);
    }
    if (key == "traceparent") {
        const auto text = json_string(raw);
        // What is no trace context is as none (W3C Trace Context 3.2.2): never a reason to lose a push.
        e.traceparent = text && valid_traceparent(*text) ? *text : std::string();
        return text ? ok : maybe(bad_member);
    }
    if (own && key == "callback") {
        return read_string(raw, e.callback, bad_member, 1024 * 1024);
    }
    if (own && key == "by_write") {
        e.by_write = raw == "true";
        return ok;
    }
    return problem{"unknown_member", "an envelope has a member that is not known"};
}

using member_list = std::vector<std::pair<std::string_view, std::string_view>>;

result<envelope> decode_members(const member_list& members, bool own) {
    envelope e;
    std::vector<std::string> seen;  // few: unknown members are refused
    seen.reserve(8);
    for (const auto& [raw_key, value] : members) {
        const auto key = json_string(raw_key);
        if (!key) {
            return problem{"not_json", "not valid JSON"};
        }
        if (!first_time(*key, seen)) {
            return problem{"repeated_member", "a member stands in the envelope twice"};
        }
        if (auto p = read_member(*key, value, e, own)) {
            return *p;
        }
    }
    if (e.to.empty()) {
        return problem{"no_target", "an envelope needs `to`"};
    }
    if (e.kind == payload_kind::none && e.join.empty() && e.leave.empty() && !e.close) {
        return problem{"no_payload", "an envelope needs text, json or binary, or a command (join, leave, close)"};
    }
    return e;
}

result<envelope> decode_one(std::string_view raw, bool own) {
    const auto members = json_members(raw);
    if (!members) {
        return problem{"not_object", "an envelope is a JSON object"};
    }
    return decode_members(*members, own);
}

void write_names(std::string& out, const char* key, const std::vector<std::string>& names, bool& first) {
    if (names.empty()) {
        return;
    }
    out += first ? "\"" : ",\"";
    first = false;
    out += key;
    out += "\":[";
    for (std::size_t i = 0; i < names.size(); ++i) {
        out += i == 0 ? "" : ",";
        json_quote(out, names[i]);
    }
    out += ']';
}

std::string write_addresses(const addresses& a) {
    std::string out = "{";
    bool first = true;
    write_names(out, "user", a.users, first);
    write_names(out, "alias", a.aliases, first);
    write_names(out, "group", a.groups, first);
    write_names(out, "connection", a.connections, first);
    write_names(out, "destination", a.destinations, first);
    write_names(out, "subscription", a.subscriptions, first);
    if (a.all) {
        out += first ? R"("all":true)" : R"(,"all":true)";
    }
    return out + '}';
}

void write_string(std::string& out, const char* key, const std::string& value) {
    if (!value.empty()) {
        out += ",\"";
        out += key;
        out += "\":";
        json_quote(out, value);
    }
}

}  // namespace

std::vector<envelope_item> decode_envelopes(std::string_view bytes, bool own) {
    std::vector<envelope_item> out;
    if (valid_utf8(bytes)) {
        if (const auto members = json_members(bytes)) {
            out.push_back({decode_members(*members, own), std::string(bytes)});
            return out;
        }
        if (const auto elements = json_elements(bytes)) {
            for (const auto raw : *elements) {
                out.push_back({decode_one(raw, own), std::string(raw)});
            }
            return out;
        }
    }
    const auto first = bytes.find_first_not_of(" \t\r\n");
    const bool nearly = first != std::string_view::npos && bytes[first] != '{' && bytes[first] != '[';
    boost::system::error_code ec;
    const bool scalar = nearly && valid_utf8(bytes) && (boost::json::parse(bytes, ec), !ec);
    out.push_back(
        {scalar ? problem{"not_object", "an envelope is a JSON object"} : problem{"not_json", "not valid JSON in UTF-8"},
         std::string(bytes)});
    return out;
}

std::string encode_envelope(const envelope& e) {
    std::string out = R"({"to":)" + write_addresses(e.to);
    if (!e.except.empty()) {
        out += R"(,"except":)" + write_addresses(e.except);
    }
    if (e.kind == payload_kind::text) {
        out += R"(,"text":)";
        json_quote(out, e.payload);
    } else if (e.kind == payload_kind::binary) {
        out += R"(,"binary":")" + base64_encode(e.payload) + '"';
    }
    write_string(out, "id", e.id);
    if (e.ttl) {
        std::array<char, 32> digits;  // the shortest that reads as the same, so never 0
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), *e.ttl).ptr;
        out.append(R"(,"ttl":)").append(digits.data(), end);
    }
    if (e.time) {
        out += R"(,"time":")" + format_rfc3339(*e.time) + '"';
    }
    bool first = false;
    write_names(out, "join", e.join, first);
    write_names(out, "leave", e.leave, first);
    if (e.close) {
        out += R"(,"close":{"code":)" + std::to_string(e.close->code) + R"(,"reason":)";
        json_quote(out, e.close->reason);
        out += '}';
    }
    if (e.mailbox) {
        out += R"(,"mailbox":true)";
    }
    write_string(out, "receipt", e.receipt);
    write_string(out, "callback", e.callback);
    if (e.by_write) {
        out += R"(,"by_write":true)";
    }
    write_string(out, "collapse", e.collapse);
    write_string(out, "traceparent", e.traceparent);
    if (!e.headers.empty()) {
        out += R"(,"headers":{)";
        for (std::size_t i = 0; i < e.headers.size(); ++i) {
            out += i == 0 ? "" : ",";
            json_quote(out, e.headers[i].first);
            out += ':';
            json_quote(out, e.headers[i].second);
        }
        out += '}';
    }
    return out + '}';
}

}  // namespace wsidecar::proto
