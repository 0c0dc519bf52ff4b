#include "sidecar/core/stomp/headers.hpp"

#include <algorithm>

#include "proto/http/path.hpp"
#include "proto/text/hex.hpp"
#include "proto/text/percent.hpp"

namespace wsidecar::core {
namespace stomp = proto::stomp;
using stomp::command;
namespace {

void encode_name(std::string& out, std::string_view s) {
    for (const char c : s) {
        const auto byte = static_cast<unsigned char>(c);
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_') {
            out += c;
        } else {
            out += '%';
            proto::append_hex(out, byte, proto::upper_hex_digits);
        }
    }
}

/// `ws-stomp-headers`: what `stomp-<name>` lines do not say. Servers make names lower case, so those with capitals are listed; names that
/// no HTTP header can have come with their value; content-type is listed when the client gave one.
std::string spelling_line(const stomp_request& r) {
    std::string list;
    for (const auto& [name, value] : r.headers) {
        const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        });
        const bool capitals = std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
        if (name.empty() || (plain && !capitals && name != "content-type")) {
            continue;
        }
        list.append(list.empty() ? "" : ",");
        encode_name(list, name);
        if (!plain) {
            list += '=';
            encode_name(list, value);
        }
    }
    return list.empty() ? list : "ws-stomp-headers: " + list + "\r\n";
}

}  // namespace

bool under(std::string_view destination, const std::string& prefix) {
    return destination.size() > prefix.size() + 1 && destination.starts_with(prefix) && destination[prefix.size()] == '/';
}

bool under_any(std::string_view destination, const std::vector<std::string>& prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(), [&](const auto& p) { return under(destination, p); });
}

bool to_app(std::string_view destination, const std::vector<std::string>& app_prefixes) {
    return under_any(destination, app_prefixes) ||
           std::find(app_prefixes.begin(), app_prefixes.end(), destination) != app_prefixes.end();
}

bool to_broker(std::string_view destination, const config::stomp& rules) {
    const auto begins = [&](const std::string& prefix) { return destination.starts_with(prefix); };
    return under_any(destination, rules.broker_prefixes) ||
           (!under(destination, rules.user_prefix) && !to_app(destination, rules.app_prefixes) &&
            std::any_of(rules.broker_prefixes.begin(), rules.broker_prefixes.end(), begins));
}

bool is_shared(std::string_view destination, const config::stomp& rules) {
    const auto& broker = rules.broker_prefixes;
    return std::any_of(rules.app_prefixes.begin(), rules.app_prefixes.end(), [&](const auto& p) {
        return under(destination, p) && (p == rules.user_prefix || std::find(broker.begin(), broker.end(), p) != broker.end());
    });
}

inbound_work::item item_of(const stomp::frame& f) {
    inbound_work::item item;
    item.payload = std::string(f.body);
    auto request = std::make_shared<stomp_request>();
    request->verb = f.verb;
    for (const auto& h : f.headers) {
        if (f.find(h.name)->data() == h.value.data()) {  // of repeated ones the first stands
            request->headers.emplace_back(h.name, h.value);
        }
    }
    item.stomp = std::move(request);
    return item;
}

/// `stomp-<name>` lines. Names that a backend could read as another's are left out; so is what the event says otherwise.
std::string header_lines(const stomp_request& r) {
    std::string out;
    for (const auto& [name, value] : r.headers) {
        const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        });
        if (!plain || name == "destination" || name == "content-type" || name == "content-length" || name == "transaction" ||
            (name == "passcode" && r.verb != command::connect && r.verb != command::stomp)) {
            continue;
        }
        out.append("stomp-").append(name).append(": ");
        proto::percent_encode_header(out, value);
        out += "\r\n";
    }
    return out + spelling_line(r);
}

/// A destination as the path of an event: what no path may hold as it is gets encoded; nothing when two servers could read the
/// rest in two ways.
std::optional<std::string> path_of(std::string_view destination) {
    std::string out;
    for (const char c : destination) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte > 0x20 && byte < 0x7F && std::string_view("\"#<>?[]^`{|}").find(c) == std::string_view::npos) {
            out += c;
        } else {
            out += '%';
            proto::append_hex(out, byte, proto::upper_hex_digits);
        }
    }
    return proto::check_path(out) ? std::optional(std::move(out)) : std::nullopt;
}

subscription::ack_mode ack_mode_of(std::string_view word) {
    return word == "client"              ? subscription::ack_mode::client
           : word == "client-individual" ? subscription::ack_mode::individual
                                         : subscription::ack_mode::automatic;
}

}  // namespace wsidecar::core
