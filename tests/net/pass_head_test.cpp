#include "sidecar/net/pass_head.hpp"

#include <gtest/gtest.h>

namespace wsidecar::net {
namespace {

using boost::system::error_code;

/// A head as both parsers see it.
struct seen_request {
    explicit seen_request(std::string bytes) : raw(std::move(bytes)), body({}) {
        auto scan = proto::scan_head(raw);
        EXPECT_EQ(scan.what, proto::head_scan::state::complete) << raw;
        head = std::move(scan.head);
        error_code ec;
        body.feed(raw.data(), raw.size(), ec);
        EXPECT_FALSE(ec) << raw;
    }
    std::string raw;
    proto::request_head head;
    request_reader body;
};

std::string answer_of(const seen_request& r, const std::string& bytes, bool keep) {
    answer_reader a({});
    error_code ec;
    a.feed(bytes.data(), bytes.size(), ec);
    EXPECT_FALSE(ec) << bytes;
    return answer_for_client(r.head, a, framing_for(r.head, a), keep);
}

const seen_request get("GET /x HTTP/1.1\r\nHost: h\r\n\r\n");

TEST(PassHead, PutsTheBasePathInFront) {
    const std::string out = request_for_app(get.head, get.body, {"/shop", "", "X-Forwarded-For: 1.2.3.4\r\n", false});
    EXPECT_EQ(out, "GET /shop/x HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n");
}

TEST(PassHead, FramesTheBodyAsItCame) {
    const seen_request length("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 007\r\n\r\n");
    EXPECT_EQ(request_for_app(length.head, length.body, {}), "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n");
    const seen_request chunked("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n");
    EXPECT_EQ(request_for_app(chunked.head, chunked.body, {}),
              "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(PassHead, KeepsAnUpgradeOnlyForATunnel) {
    const seen_request up(
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n");
    EXPECT_EQ(request_for_app(up.head, up.body, {}), "GET / HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: k\r\n\r\n");
    EXPECT_EQ(request_for_app(up.head, up.body, {"", "", "", true}),
              "GET / HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: k\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

TEST(PassHead, AnInterimAnswerKeepsItsHeaders) {
    answer_reader a({});
    const std::string bytes =
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: x\r\nContent-Length: 5\r\n\r\n";
    error_code ec;
    a.feed(bytes.data(), bytes.size(), ec);
    EXPECT_EQ(answer_for_client(get.head, a, framing::none, true),
              "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n");
}

TEST(PassHead, FramesTheAnswerForTheClientsVersion) {
    const seen_request old("GET / HTTP/1.0\r\n\r\n");
    const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    EXPECT_EQ(answer_of(get, chunked, true), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    EXPECT_EQ(answer_of(old, chunked, false), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    const std::string length = "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n";
    EXPECT_EQ(answer_of(get, length, true), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    EXPECT_EQ(answer_of(old, length, true), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n");
}

TEST(PassHead, RemovesWhatConnectionNames) {
    EXPECT_EQ(answer_of(get, "HTTP/1.1 204 No\r\nConnection: close, x-a\r\nX-A: 1\r\nX-B: 2\r\nTrailer: T\r\n\r\n", true),
              "HTTP/1.1 204 No\r\nX-B: 2\r\n\r\n");
}

TEST(PassHead, FramesChunks) {
    std::string out;
    append_framed(out, "", true);
    EXPECT_EQ(out, "") << "an empty chunk would be the last one";
    append_framed(out, std::string(17, 'x'), true);
    EXPECT_EQ(out, "11\r\n" + std::string(17, 'x') + "\r\n");
    append_framed(out, "raw", false);
    EXPECT_TRUE(out.ends_with("raw"));
}

TEST(PassHead, OwnAnswersHaveALength) {
    EXPECT_EQ(own_answer(502, "Away.", "Retry-After: 2\r\n", false),
              "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 2\r\n"
              "Content-Length: 6\r\nConnection: close\r\n\r\nAway.\n");
}

TEST(PassHead, TheBodyIsFramedByTheReadingThatWasChecked) {
    const std::string bytes =
        "\r\nPOST /x?y HTTP/1.1\r\nHost: h\r\ncontent-length:  5 \r\nX-Odd: a\tb\r\nConnection: close\r\nTransfer-Encodin: "
        "x\r\n\r\n";
    const auto scan = proto::scan_head(bytes);
    ASSERT_EQ(scan.what, proto::head_scan::state::complete);
    EXPECT_EQ(framing_head(scan.head), "POST / HTTP/1.1\r\nContent-Length: 5\r\nConnection: close\r\n\r\n");
}

}  // namespace
}  // namespace wsidecar::net
