#include "proto/http/handshake.hpp"

#include <gtest/gtest.h>

namespace wsidecar::proto {
namespace {

/// A head kept together with its bytes.
struct scanned {
    std::string bytes;
    request_head head;

    explicit scanned(std::string text) : bytes(std::move(text)) {
        const auto s = scan_head(bytes);
        EXPECT_EQ(s.what, head_scan::state::complete) << s.why.reason << "\n" << bytes;
        head = s.head;
    }
};

std::string request(std::string_view lines, std::string_view first = "GET /ws/x HTTP/1.1") {
    return std::string(first) + "\r\n" + std::string(lines) + "\r\n";
}

const std::string good_lines =
    "Host: a:8000\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// good_lines without the line of `name`, and `more`.
std::string changed(std::string_view name, std::string_view more) {
    std::string s = good_lines;
    const auto at = s.find(std::string(name) + ":");
    s.erase(at, s.find('\n', at) + 1 - at);
    return s + std::string(more);
}

std::string verdict(const std::string& text) {
    const scanned s(text);
    const auto r = check_upgrade(s.head);
    return r ? "ok" : std::to_string(r.error().status) + " " + r.error().why.reason;
}

TEST(Handshake, TellsUpgradesFromPlainRequests) {
    const auto kind = [](std::string_view lines) { return classify(scanned(request(lines)).head); };
    EXPECT_EQ(kind("Connection: Upgrade\r\nUpgrade: websocket\r\n"), request_kind::upgrade);
    EXPECT_EQ(kind("Connection: keep-alive\r\nConnection: uPGRADE\r\nUpgrade: h2c, WebSocket\r\n"), request_kind::upgrade);
    EXPECT_EQ(kind("Connection: Upgrade\r\n"), request_kind::plain) << "as nginx sends it with every request";
    EXPECT_EQ(kind("Upgrade: websocket\r\n"), request_kind::plain);
    EXPECT_EQ(kind("Connection: Upgrade\r\nUpgrade: h2c\r\n"), request_kind::plain);
    EXPECT_EQ(kind("Connection: Upgraded\r\nUpgrade: websocket\r\n"), request_kind::plain);
}

TEST(Handshake, TakesAGoodUpgrade) {
    const scanned s(request(good_lines + "Content-Length: 0\r\nSec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Protocol: c\r\n"
                                         "Sec-WebSocket-Extensions: x\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"));
    const auto r = check_upgrade(s.head);
    ASSERT_TRUE(r);
    EXPECT_EQ(r->key, "dGhlIHNhbXBsZSBub25jZQ==");
    EXPECT_EQ(r->host, "a:8000");
    EXPECT_EQ(r->subprotocols, (std::vector<std::string_view>{"a", "b", "c"}));
    EXPECT_EQ(r->extensions, "x, permessage-deflate");
}

TEST(Handshake, RefusesBadUpgrades) {
    const struct {
        std::string text;
        std::string_view verdict;
    } cases[] = {
        {request(good_lines), "ok"},
        {request(good_lines, "POST /ws/x HTTP/1.1"), "400 bad_method"},
        {request(good_lines, "get /ws/x HTTP/1.1"), "400 bad_method"},
        {request(good_lines, "GET /ws/x HTTP/1.0"), "400 bad_version"},
        {request(good_lines, "GET http://a/ws/x HTTP/1.1"), "ok"},
        {request(good_lines, "GET http://a?x=1 HTTP/1.1"), "ok"},
        {request(good_lines, "GET http://a#x HTTP/1.1"), "400 bad_target_form"},
        {request(good_lines, "GET ftp://a/ws/x HTTP/1.1"), "400 bad_target_form"},
        {request(good_lines, "GET http://u@a/ws/x HTTP/1.1"), "400 bad_host"},
        {request(good_lines, "GET http:///ws/x HTTP/1.1"), "400 bad_host"},
        {request(changed("Host", ""), "GET http://a/ws/x HTTP/1.1"), "400 bad_host"},
        {request(changed("Host", "Host: a/b\r\n"), "GET http://a/ws/x HTTP/1.1"), "400 bad_host"},
        {request(good_lines, "GET a:80 HTTP/1.1"), "400 bad_target_form"},
        {request(good_lines, "OPTIONS * HTTP/1.1"), "400 bad_target_form"},
        {request(changed("Host", "")), "400 bad_host"},
        {request(good_lines + "Host: a:8000\r\n"), "400 bad_host"},
        {request(changed("Host", "Host:\r\n")), "400 bad_host"},
        {request(changed("Host", "Host: a, b\r\n")), "400 bad_host"},
        {request(changed("Host", "Host: u@a\r\n")), "400 bad_host"},
        {request(changed("Host", "Host: a/b\r\n")), "400 bad_host"},
        {request(changed("Host", "Host: [::1]:80\r\n")), "ok"},
        {request(changed("Host", "Host: [::1]\r\n")), "ok"},
        {request(changed("Host", "Host: a:\r\n")), "ok"},
        {request(changed("Host", "Host: a:65536\r\n")), "400 bad_host"},
        {request(changed("Host", "Host: a:x\r\n")), "400 bad_host"},
        {request(changed("Host", "Host: :80\r\n")), "400 bad_host"},
        {request(changed("Host", "Host: [::1\r\n")), "400 bad_host"},
        {request(changed("Host", "Host: [::1]80\r\n")), "400 bad_host"},
        {request(good_lines, "GET http://a:99999/ws/x HTTP/1.1"), "400 bad_host"},
        {request(good_lines, "GET http://a:x/ws/x HTTP/1.1"), "400 bad_host"},
        {request(changed("Sec-WebSocket-Key", "")), "400 bad_key"},
        {request(changed("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ\r\n")), "400 bad_key"},
        {request(changed("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA\r\n")), "400 bad_key"},
        {request(changed("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j!Q==\r\n")), "400 bad_key"},
        {request(good_lines + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), "400 bad_key"},
        {request(changed("Sec-WebSocket-Version", "")), "426 bad_version"},
        {request(changed("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8\r\n")), "426 bad_version"},
        {request(changed("Sec-WebSocket-Version", "Sec-WebSocket-Version: 13, 8\r\n")), "426 bad_version"},
        {request(good_lines + "Sec-WebSocket-Version: 13\r\n"), "426 bad_version"},
        {request(good_lines + "Content-Length: 00\r\n"), "ok"},
        {request(good_lines + "Content-Length: 5\r\n"), "400 body"},
        {request(good_lines + "Transfer-Encoding: chunked\r\n"), "400 body"},
        {request(good_lines + "Sec-WebSocket-Protocol: a b\r\n"), "400 bad_subprotocol"},
        {request(good_lines + "Sec-WebSocket-Protocol: \"a\"\r\n"), "400 bad_subprotocol"},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(verdict(c.text), c.verdict) << c.text;
    }
}

TEST(Handshake, RefusesRequestsThatCouldSmuggleAnother) {
    const struct {
        std::string lines;
        std::string_view reason;
        std::string_view version = "HTTP/1.1";
    } cases[] = {
        {"Host: a\r\n", ""},
        {"Host: a\r\nContent-Length: 5\r\n", ""},
        {"Host: a\r\nTransfer-Encoding: Chunked\r\n", ""},
        {"Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", "length_and_chunked"},
        {"Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n", "length_and_chunked"},
        {"Host: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n", "bad_content_length"},
        {"Host: a\r\nContent-Length: 5, 5\r\n", "bad_content_length"},
        {"Host: a\r\nContent-Length: +5\r\n", "bad_content_length"},
        {"Host: a\r\nContent-Length: -1\r\n", "bad_content_length"},
        {"Host: a\r\nContent-Length: 0x5\r\n", "bad_content_length"},
        {"Host: a\r\nContent-Length:\r\n", "bad_content_length"},
        {"Host: a\r\nContent-Length: 99999999999999999999\r\n", "bad_content_length"},
        {"Host: a\r\nTransfer-Encoding: chunked, identity\r\n", "bad_transfer_encoding"},
        {"Host: a\r\nTransfer-Encoding: identity\r\n", "bad_transfer_encoding"},
        {"Host: a\r\nTransfer-Encoding: xchunked\r\n", "bad_transfer_encoding"},
        {"Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "bad_transfer_encoding"},
        {"Host: a\r\nTransfer-Encoding: chunked\r\n", "bad_transfer_encoding", "HTTP/1.0"},
        {"", "bad_host"},
        {"", "", "HTTP/1.0"},
        {"Host: a\r\nHost: b\r\n", "bad_host", "HTTP/1.0"},
    };
    for (const auto& c : cases) {
        const scanned s(request(c.lines, "POST /x " + std::string(c.version)));
        const auto r = check_request(s.head);
        EXPECT_EQ(r ? "" : r.error().why.reason, c.reason) << c.lines;
        if (!r) {
            EXPECT_EQ(r.error().status, 400U);
        }
    }
}

TEST(Handshake, AnswersAsTheRfcSays) {
    EXPECT_EQ(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    EXPECT_EQ(switching_protocols("dGhlIHNhbXBsZSBub25jZQ==", "chat", "ext", "Set-Cookie: a=b\r\n"),
              "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n"
              "Sec-WebSocket-Extensions: ext\r\nSet-Cookie: a=b\r\n\r\n");
    EXPECT_EQ(switching_protocols("k", "", "", "").find("Protocol:"), std::string::npos);
    EXPECT_NE(refusal_lines(426).find("Sec-WebSocket-Version: 13\r\n"), std::string_view::npos);
    EXPECT_EQ(refusal_lines(400), "");
}

TEST(Handshake, ChoosesTheClientsFirstSubprotocol) {
    const std::vector<std::string> supported{"v10.stomp", "v12.stomp"};
    const std::vector<std::string_view> offered{"v13.stomp", "v12.stomp", "v10.stomp"};
    EXPECT_EQ(negotiate_subprotocol(offered, supported), "v12.stomp");
    const std::vector<std::string_view> other{"V12.stomp"};
    EXPECT_EQ(negotiate_subprotocol(other, supported), "");
    EXPECT_EQ(negotiate_subprotocol({}, supported), "");
}

}  // namespace
}  // namespace wsidecar::proto
