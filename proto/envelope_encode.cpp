#include <array>
#include <charconv>

#include "proto/envelope.hpp"
#include "proto/json/json_scan.hpp"
#include "proto/text/base64.hpp"
#include "proto/text/rfc3339.hpp"

namespace wsidecar::proto {
namespace {

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
    write_names(out, "route", a.routes, first);
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
