#include "proto/http/http_head.hpp"

#include <gtest/gtest.h>

namespace wsidecar::proto {
namespace {

using namespace std::string_view_literals;
using state = head_scan::state;

std::string problem_of(std::string_view bytes, const head_limits& limits = {}) {
    const auto s = scan_head(bytes, limits);
    if (s.what == state::problem) {
        return std::to_string(s.status) + " " + s.why.reason;
    }
    return s.what == state::complete ? "complete" : "incomplete";
}

TEST(HttpHead, GivesTheParts) {
    const std::string bytes =
        "GET /ws/a?x=1 HTTP/1.1\r\nHost: shop.example\r\nCookie:  a=b \t\r\nX-Empty:\r\nConnection: keep-alive, Upgrade\r\n"
        "cOOkie: c=d\r\nConnection: x\r\n\r\nrest";
    const auto s = scan_head(bytes);
    ASSERT_EQ(s.what, state::complete);
    EXPECT_EQ(bytes.substr(s.size), "rest");
    EXPECT_EQ(s.head.method, "GET");
    EXPECT_EQ(s.head.target, "/ws/a?x=1");
    EXPECT_EQ(s.head.version, 11U);
    ASSERT_EQ(s.head.headers.size(), 6U);
    EXPECT_EQ(s.head.find("host"), "shop.example");
    EXPECT_EQ(s.head.find("x-empty"), "");
    EXPECT_EQ(s.head.find("nope"), std::nullopt);
    EXPECT_EQ(s.head.count("Cookie"), 2U);
    EXPECT_EQ(s.head.joined("cookie", "; "), "a=b; c=d");
    EXPECT_TRUE(s.head.has_token("connection", "upgrade"));
    EXPECT_TRUE(s.head.has_token("connection", "X"));
    EXPECT_FALSE(s.head.has_token("connection", "keep"));
    EXPECT_EQ(s.head.values("Connection").size(), 2U);
}

TEST(HttpHead, EveryPrefixIsIncomplete) {
    const std::string bytes = "\r\nPOST / HTTP/1.0\r\nA: b\r\nC: \xE5\xBC\xA0\r\n\r\n";
    for (std::size_t n = 0; n < bytes.size(); ++n) {
        EXPECT_EQ(problem_of(bytes.substr(0, n)), "incomplete") << n;
    }
    const auto s = scan_head(bytes);
    ASSERT_EQ(s.what, state::complete);
    EXPECT_EQ(s.size, bytes.size());
    EXPECT_EQ(s.head.version, 10U);
}

TEST(HttpHead, RefusesWhatTwoParsersCouldReadInTwoWays) {
    const struct {
        std::string_view bytes;
        std::string_view problem;
    } cases[] = {
        {"GET / HTTP/1.1\nHost: a\r\n\r\n", "400 bare_lf"},
        {"GET / HTTP/1.1\r\nHost: a\n\r\n", "400 bare_lf"},
        {"GET / HTTP/1.1\r\nHost: a\r\n\n", "400 bare_lf"},
        {"\nGET / HTTP/1.1\r\n\r\n", "400 bare_lf"},
        {"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", "400 bare_cr"},
        {"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", "400 bare_cr"},
        {"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", "400 obs_fold"},
        {"GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", "400 obs_fold"},
        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400 space_before_colon"},
        {"GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", "400 space_before_colon"},
        {"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n"sv, "400 control_character"},
        {"GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n", "400 control_character"},
        {"GET / HTTP/1.1\r\nHost: a\x7F\r\n\r\n", "400 control_character"},
        {"GET /\tx HTTP/1.1\r\n\r\n", "400 bad_target"},
        {"GET / HTTP/1.1\r\nno colon here\r\n\r\n", "400 no_colon"},
        {"GET / HTTP/1.1\r\n: a\r\n\r\n", "400 bad_header_name"},
        {"GET / HTTP/1.1\r\nX User: a\r\n\r\n", "400 bad_header_name"},
        {"GET / HTTP/1.1\r\nX\xE9: a\r\n\r\n", "400 bad_header_name"},
        {"GET / HTTP/1.1\r\nX(y): a\r\n\r\n", "400 bad_header_name"},
        {"G{T / HTTP/1.1\r\n\r\n", "400 bad_method"},
        {" GET / HTTP/1.1\r\n\r\n", "400 bad_method"},
        {"GET /a b HTTP/1.1\r\n\r\n", "400 bad_target"},
        {"GET  / HTTP/1.1\r\n\r\n", "400 bad_target"},
        {"GET /  HTTP/1.1\r\n\r\n", "400 bad_target"},
        {"GET /\xC3\xA9 HTTP/1.1\r\n\r\n", "400 bad_target"},
        {"GET HTTP/1.1\r\n\r\n", "400 bad_request_line"},
        {"GET\r\n\r\n", "400 bad_request_line"},
        {"GET /\r\n\r\n", "400 bad_request_line"},
        {"GET / HTTP/1.2\r\n\r\n", "400 bad_version"},
        {"GET / HTTP/2.0\r\n\r\n", "400 bad_version"},
        {"GET / http/1.1\r\n\r\n", "400 bad_version"},
        {"GET / HTTP/1.1 \r\n\r\n", "400 bad_target"},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400 bad_version"},
        {"\r\n\r\nGET / HTTP/1.1\r\n\r\n", "400 empty_line"},
        {"\x16\x03\x01\x02", "400 control_character"},
    };
    for (const auto& c : cases) {
        EXPECT_EQ(problem_of(c.bytes), c.problem) << c.bytes;
    }
}

TEST(HttpHead, AUrlAsTargetIsItsPathAndItsHost) {
    const auto read = [](std::string_view target, std::string_view more = "Host: other\r\n", std::string_view version = "1.1") {
        const std::string bytes =
            "GET " + std::string(target) + " HTTP/" + std::string(version) + "\r\n" + std::string(more) + "\r\n";
        const auto s = scan_head(bytes);
        return std::string(s.head.target) + " at " + std::string(s.head.find("Host").value_or("nobody"));
    };
    EXPECT_EQ(read("http://shop.example:8080/ws/a?x=/y"), "/ws/a?x=/y at shop.example:8080");
    EXPECT_EQ(read("WS://[::1]:8000/ws"), "/ws at [::1]:8000");
    EXPECT_EQ(read("https://shop.example"), "/ at shop.example");
    EXPECT_EQ(read("wss://shop.example/"), "/ at shop.example");
    EXPECT_EQ(read("http://shop.example?x=1"), "/?x=1 at shop.example") << "an empty path is the path /";
    EXPECT_EQ(read("http://shop.example:80?"), "/? at shop.example:80");
    EXPECT_EQ(read("http://shop.example#x"), "#x at shop.example") << "a target has no fragment: refused";
    EXPECT_EQ(read("http://shop.example/a", "", "1.0"), "/a at shop.example");
    EXPECT_EQ(read("http://shop.example/a", ""), "/a at nobody") << "HTTP/1.1 needs a Host all the same";
    EXPECT_EQ(read("http://shop.example/a", "Host: a/b\r\n"), "/a at a/b") << "a malformed one stays to be refused";
    EXPECT_EQ(read("http://user@shop.example/a"), "/a at user@shop.example") << "no host: refused";
    EXPECT_EQ(read("http:///a"), "/a at ") << "no host: refused";
    EXPECT_EQ(read("ftp://shop.example/a"), "ftp://shop.example/a at other");
    EXPECT_EQ(read("/ws/http://shop.example/a"), "/ws/http://shop.example/a at other");
}

TEST(HttpHead, SaysSoBeforeTheHeadIsComplete) {
    EXPECT_EQ(problem_of("GET / HTTP/1.1\r\nHost: a\0"sv), "400 control_character");
    EXPECT_EQ(problem_of("GET / HTTP/1.1\r\nHost: a\rb"), "400 bare_cr");
    EXPECT_EQ(problem_of("GET / HTTP/1.1\r\nHost: a\r"), "incomplete");
}

TEST(HttpHead, BoundsCountAndBytes) {
    const auto with = [](std::size_t count) {
        std::string s = "GET / HTTP/1.1\r\n";
        for (std::size_t i = 0; i < count; ++i) {
            s += "A: b\r\n";
        }
        return s + "\r\n";
    };
    EXPECT_EQ(problem_of(with(100)), "complete");
    EXPECT_EQ(problem_of(with(101)), "431 too_many_headers");
    EXPECT_EQ(problem_of(std::string(17 * 1024, 'A')), "431 head_too_big") << "a line that never ends";
    EXPECT_EQ(problem_of("GET / HTTP/1.1\r\nA: " + std::string(17 * 1024, 'b') + "\r\n\r\n"), "431 head_too_big");
    const std::string exact = with(1);
    EXPECT_EQ(problem_of(exact, {exact.size(), 1}), "complete");
    EXPECT_EQ(problem_of(exact + "more of a body", {exact.size(), 1}), "complete");
    EXPECT_EQ(problem_of(exact, {exact.size() - 1, 1}), "431 head_too_big");
}

}  // namespace
}  // namespace wsidecar::proto
