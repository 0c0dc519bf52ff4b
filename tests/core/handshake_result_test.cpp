#include "sidecar/core/handshake_result.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "proto/http/handshake.hpp"
#include "proto/http/jwt.hpp"
#include "proto/http/origin.hpp"
#include "proto/http/path.hpp"

namespace wsidecar::core {
namespace {

/// Why this request is not taken; empty if it is.
std::string reason_of(const std::string& bytes) {
    const auto scan = proto::scan_head(bytes);
    if (scan.what == proto::head_scan::state::problem) {
        return scan.why.reason;
    }
    if (scan.what != proto::head_scan::state::complete) {
        return "incomplete";
    }
    if (const auto path = proto::check_path(scan.head.target); !path) {
        return path.error().reason;
    }
    const auto upgrade = proto::check_upgrade(scan.head);
    return upgrade ? "" : upgrade.error().why.reason;
}

std::string upgrade(const std::string& line, const std::string& more, const std::string& key = "dGhlIHNhbXBsZSBub25jZQ==") {
    return line + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + key + "\r\n" + more + "\r\n";
}

TEST(HandshakeResult, IsReadAsItIsWritten) {
    for (std::size_t i = 0; i < handshake_words.size(); ++i) {
        const auto r = static_cast<handshake_result>(i);
        EXPECT_EQ(handshake_result_of(word(r)), r);
        EXPECT_EQ(word(r).data()[word(r).size()], '\0');
    }
    EXPECT_EQ(handshake_result_of("bad_hosts"), handshake_result::other);
    EXPECT_EQ(handshake_result_of(""), handshake_result::other);
}

TEST(HandshakeResult, AMalformedRequestHasItsOwn) {
    const std::string get = "GET /a HTTP/1.1";
    const std::string rest = "Host: h\r\nSec-WebSocket-Version: 13\r\n";
    ASSERT_EQ(reason_of(upgrade(get, rest)), "");
    const std::pair<std::string, const char*> all[] = {
        {upgrade("GET /a", rest), "bad_request_line"},
        {upgrade("GET /\x01 HTTP/1.1", rest), "control_character"},
        {upgrade("G(T /a HTTP/1.1", rest), "bad_method"},
        {upgrade("POST /a HTTP/1.1", rest), "bad_method"},
        {upgrade("GET /a HTTP/1.1", "Sec-WebSocket-Version: 13\r\n"), "bad_host"},
        {upgrade(get, "Host: h\r\nSec-WebSocket-Version: 12\r\n"), "bad_version"},
        {upgrade(get, rest, "short"), "bad_key"},
        {upgrade(get, rest + "Content-Length: x\r\n"), "bad_content_length"},
        {upgrade(get, rest + "Content-Length: 1\r\n"), "body"},
        {upgrade(get, rest + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), "length_and_chunked"},
        {upgrade(get, rest + "Transfer-Encoding: gzip\r\n"), "bad_transfer_encoding"},
        {upgrade(get, rest + "Sec-WebSocket-Protocol: a b\r\n"), "bad_subprotocol"},
        {upgrade(get, rest + "A : b\r\n"), "space_before_colon"},
        {upgrade(get, rest + "(: b\r\n"), "bad_header_name"},
        {upgrade(get, rest + "none\r\n"), "no_colon"},
        {upgrade(get, rest + " folded\r\n"), "obs_fold"},
        {upgrade(get, rest + "A: \rb\r\n"), "bare_cr"},
        {upgrade(get, rest + "A: b\n"), "bare_lf"},
        {upgrade("GET /a/../b HTTP/1.1", rest), "dot_segment"},
        {upgrade("GET //b HTTP/1.1", rest), "empty_segment"},
        {upgrade("GET /a;b HTTP/1.1", rest), "path_parameter"},
        {upgrade("GET /%zz HTTP/1.1", rest), "bad_escape"},
        {upgrade("GET /a#b HTTP/1.1", rest), "bad_path_character"},
        {upgrade("GET ftp:a HTTP/1.1", rest), "bad_target_form"},
        {upgrade(get, rest + "Big: " + std::string(1UL << 20, 'x') + "\r\n"), "head_too_big"},
    };
    for (const auto& [bytes, reason] : all) {
        const std::string said = reason_of(bytes);
        EXPECT_EQ(said, reason) << bytes.substr(0, 200);
        EXPECT_EQ(word(handshake_result_of(said)), reason);
    }
}

TEST(HandshakeResult, ARejectedOriginHasItsOwn) {
    const std::string_view other[] = {"https://evil.example"};
    const std::string_view malformed[] = {"no origin"};
    const std::string_view two[] = {"https://a.example", "https://b.example"};
    proto::page_request page;
    page.has_credentials = true;
    page.host = "shop.example";
    const auto reason = [&](const proto::origin_policy& policy, std::span<const std::string_view> origins) {
        page.origins = origins;
        const auto ok = policy.check(page);
        return word(handshake_result_of(ok ? "" : ok.error().reason));
    };
    const std::string listed[] = {"https://shop.example"};
    const auto list = *proto::origin_policy::compile(listed);
    EXPECT_EQ(reason({}, other), "origin_not_same");
    EXPECT_EQ(reason({}, malformed), "origin_malformed");
    EXPECT_EQ(reason({}, two), "origin_repeated");
    EXPECT_EQ(reason(list, other), "origin_not_listed");
    EXPECT_EQ(reason(list, {}), "origin_missing");
}

}  // namespace
}  // namespace wsidecar::core
