#include "proto/http/handshake.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "proto/text/ascii.hpp"

namespace wsidecar::proto {

namespace {

constexpr std::string_view handshake_guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

refusal bad_request(const char* reason, const char* detail) {
    return {400, {reason, detail}};
}

/// Looked up once: EVP_sha1() makes OpenSSL search its providers for each handshake.
const EVP_MD* sha1() {
    static const EVP_MD* const found = EVP_MD_fetch(nullptr, "SHA1", nullptr);
    return found != nullptr ? found : EVP_sha1();
}

bool is_length(std::string_view s) {
    return !s.empty() && s.size() <= 18 && std::all_of(s.begin(), s.end(), is_digit);
}

/// Base64 of 16 bytes: 22 characters and the padding.
bool is_key(std::string_view s) {
    return s.size() == 24 && s.substr(22) == "==" &&
           std::all_of(s.begin(), s.begin() + 22, [](char c) { return is_alpha(c) || is_digit(c) || c == '+' || c == '/'; });
}

}  // namespace

request_kind classify(const request_head& head) {
    const bool upgrade = head.has_token("Connection", "upgrade") && head.has_token("Upgrade", "websocket");
    return upgrade ? request_kind::upgrade : request_kind::plain;
}

checked<void> check_request(const request_head& head) {
    const auto hosts = head.values("Host");
    const bool host_missing = hosts.empty() && head.version == 11;
    if (host_missing || hosts.size() > 1 || (hosts.size() == 1 && !is_host(hosts[0]))) {
        return bad_request("bad_host", "exactly one well-formed Host is required");
    }
    const auto lengths = head.values("Content-Length");
    if (lengths.size() > 1 || (lengths.size() == 1 && !is_length(lengths[0]))) {
        return bad_request("bad_content_length", "at most one Content-Length, of digits only");
    }
    const auto codings = head.values("Transfer-Encoding");
    if (!codings.empty()) {
        if (!lengths.empty()) {
            return bad_request("length_and_chunked", "Content-Length and Transfer-Encoding exclude each other");
        }
        if (codings.size() > 1 || !iequals(codings[0], "chunked") || head.version == 10) {
            return bad_request("bad_transfer_encoding", "the only transfer coding is chunked");
        }
    }
    if (head.target.empty() || head.target.front() != '/') {
        return bad_request("bad_target_form", "the request target must be an absolute path or an http URL");
    }
    return {};
}

checked<upgrade_request> check_upgrade(const request_head& head) {
    if (const auto r = check_request(head); !r) {
        return r.error();
    }
    if (head.method != "GET") {
        return bad_request("bad_method", "an upgrade is a GET");
    }
    if (head.version != 11) {
        return bad_request("bad_version", "an upgrade needs HTTP/1.1");
    }
    const auto length = head.find("Content-Length");
    const bool no_body = !length || std::all_of(length->begin(), length->end(), [](char c) { return c == '0'; });
    if (!no_body || head.find("Transfer-Encoding")) {
        return bad_request("body", "an upgrade has no body");
    }
    const auto versions = head.values("Sec-WebSocket-Version");
    if (versions.size() != 1 || versions[0] != "13") {
        return refusal{426, {"bad_version", "Sec-WebSocket-Version must be 13"}};
    }
    const auto keys = head.values("Sec-WebSocket-Key");
    if (keys.size() != 1 || !is_key(keys[0])) {
        return bad_request("bad_key", "exactly one Sec-WebSocket-Key of 16 bytes is required");
    }
    upgrade_request u;
    u.key = keys[0];
    u.host = *head.find("Host");
    for (const auto line : head.values("Sec-WebSocket-Protocol")) {
        each_element(line, ',', [&](std::string_view e) { u.subprotocols.push_back(e); });
    }
    if (!std::all_of(u.subprotocols.begin(), u.subprotocols.end(), is_token)) {
        return bad_request("bad_subprotocol", "Sec-WebSocket-Protocol is a list of tokens");
    }
    u.extensions = head.joined("Sec-WebSocket-Extensions");
    return u;
}

std::string_view refusal_lines(unsigned status) {
    return status == 426 ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" : "";
}

std::string accept_key(std::string_view key) {
    std::string text(key);
    text += handshake_guid;
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &size, sha1(), nullptr);
    std::array<unsigned char, 64> encoded;
    const int n = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(size));
    return {encoded.begin(), encoded.begin() + n};
}

std::string_view negotiate_subprotocol(std::span<const std::string_view> offered, std::span<const std::string> supported) {
    for (const auto o : offered) {
        if (std::find(supported.begin(), supported.end(), o) != supported.end()) {
            return o;
        }
    }
    return {};
}

std::string switching_protocols(std::string_view key, std::string_view subprotocol, std::string_view extensions,
                                std::string_view extra_lines) {
    std::string out =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
        "Upgrade\r\nSec-WebSocket-Accept: ";
    out += accept_key(key);
    if (!subprotocol.empty()) {
        out.append("\r\nSec-WebSocket-Protocol: ").append(subprotocol);
    }
    if (!extensions.empty()) {
        out.append("\r\nSec-WebSocket-Extensions: ").append(extensions);
    }
    return out.append("\r\n").append(extra_lines).append("\r\n");
}

}  // namespace wsidecar::proto
