#include "sidecar/net/http_reader.hpp"

#include <gtest/gtest.h>

namespace wsidecar::net {
namespace {

using boost::system::error_code;

const std::string chunked_answer =
    "HTTP/1.1 200 Very Fine\r\nA: 1\r\na: 2\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1f\r\n" + std::string(31, 'x') +
    "\r\n0\r\nA: trailer\r\n\r\n";

TEST(HttpReader, ReadsAnAnswer) {
    answer_reader r({});
    error_code ec;
    EXPECT_EQ(r.feed(chunked_answer.data(), chunked_answer.size(), ec), chunked_answer.size());
    EXPECT_FALSE(ec);
    EXPECT_TRUE(r.done());
    EXPECT_EQ(r.status, 200U);
    EXPECT_EQ(r.reason, "Very Fine");
    EXPECT_EQ(r.body, "abc" + std::string(31, 'x'));
    EXPECT_EQ(r.fields.size(), 3U) << "trailers are no headers";
}

TEST(HttpReader, ReadsTheSameInPiecesOfAnySize) {
    for (std::size_t piece = 1; piece < chunked_answer.size(); ++piece) {
        answer_reader r({});
        std::string pending;
        for (std::size_t at = 0; at < chunked_answer.size(); at += piece) {
            pending += chunked_answer.substr(at, piece);
            error_code ec;
            pending.erase(0, r.feed(pending.data(), pending.size(), ec));
            ASSERT_FALSE(ec) << piece;
        }
        EXPECT_TRUE(r.done()) << piece;
        EXPECT_EQ(pending, "") << piece;
        EXPECT_EQ(r.body.size(), 34U) << piece;
    }
}

TEST(HttpReader, StopsBehindTheMessage) {
    answer_reader r({});
    const std::string bytes = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1";
    error_code ec;
    EXPECT_EQ(r.feed(bytes.data(), bytes.size(), ec), bytes.size() - 8);
    EXPECT_TRUE(r.done());
}

TEST(HttpReader, KeepsItsLimits) {
    error_code ec;
    const std::string head = "HTTP/1.1 200 OK\r\nX: " + std::string(300, 'x');
    answer_reader small_head({.head = 200, .body = 0});
    small_head.feed(head.data(), head.size(), ec);
    EXPECT_EQ(ec, boost::beast::http::error::header_limit);
    const std::string body = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n";
    answer_reader small_body({.head = 200, .body = 10});
    small_body.feed(body.data(), body.size(), ec);
    EXPECT_EQ(ec, boost::beast::http::error::body_limit);
}

TEST(HttpReader, ReadsARequest) {
    const std::string bytes = "PUT /a HTTP/1.0\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
    request_reader r({});
    error_code ec;
    EXPECT_EQ(r.feed(bytes.data(), bytes.size(), ec), bytes.size());
    EXPECT_EQ(r.method, "PUT");
    EXPECT_EQ(r.target, "/a");
    EXPECT_EQ(r.version, 10U);
    EXPECT_EQ(r.body, "abc");
    EXPECT_FALSE(r.keep_alive());
}

TEST(HttpReader, RefusesAmbiguousFraming) {
    for (const auto* bytes :
         {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
          "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
          "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
          "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
          "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
        request_reader r({});
        error_code ec;
        r.feed(bytes, std::string_view(bytes).size(), ec);
        EXPECT_TRUE(ec) << bytes;
    }
}

TEST(HttpReader, TakesNoTransferEncodingButChunked) {
    for (const auto* coding : {"gzip", "gzip, chunked", "chunked, gzip", "xchunked"}) {
        const std::string bytes = std::string("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: ") + coding + "\r\n\r\n";
        request_reader r({});
        error_code ec;
        r.feed(bytes.data(), bytes.size(), ec);
        EXPECT_TRUE(ec) << coding;
    }
}

}  // namespace
}  // namespace wsidecar::net
