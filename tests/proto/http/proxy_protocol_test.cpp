#include "proto/http/proxy_protocol.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace wsidecar::proto {
namespace {

using namespace std::string_literals;

/// What the header says, fed in pieces of `piece` bytes with the connection's own bytes behind it, and how many are left.
std::string read(const std::string& header, std::size_t piece = 1, const std::string& behind = "GET / HTTP/1.1\r\n\r\n") {
    const std::string all = header + behind;
    std::string taken;
    std::size_t at = 0;
    while (at < all.size()) {
        const auto next = std::string_view(all).substr(at, piece);
        const auto part = proxy_header_part(taken, next);
        if (part == 0) {
            return "nothing taken";
        }
        taken += next.substr(0, part);
        at += part;
        const auto h = read_proxy_header(taken);
        if (h.what == proxy_header::state::problem) {
            return "problem: "s + h.why;
        }
        if (h.what == proxy_header::state::complete) {
            return (h.address.empty() ? "nobody" : h.address) + (all.substr(at) == behind ? "" : ", with bytes of the client");
        }
    }
    return "incomplete";
}

const std::string signature = "\r\n\r\n\0\r\nQUIT\n"s;

std::string binary(char command, char family, const std::string& rest) {
    return signature + command + family + static_cast<char>(rest.size() >> 8U) + static_cast<char>(rest.size() & 0xFFU) + rest;
}

const std::string v4 = "\xCB\x00\x71\x07\x0A\x00\x00\x01\xC0\x00\x01\xBB"s;
const std::string v6 = "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01"s + std::string(15, '\0') + "\x02\x00\x50\x01\xBB"s;

TEST(ProxyProtocol, TheClientIsTheSourceAndNothingBehindIsTaken) {
    for (const std::size_t piece : {1UL, 3UL, 12UL, 16UL, 1000UL}) {
        EXPECT_EQ(read("PROXY TCP4 203.0.113.7 10.0.0.1 49152 443\r\n", piece), "203.0.113.7") << piece;
        EXPECT_EQ(read("PROXY TCP6 2001:db8::1 ::2 1 443\r\n", piece), "2001:db8::1") << piece;
        EXPECT_EQ(read(binary('\x21', '\x11', v4), piece), "203.0.113.7") << piece;
        EXPECT_EQ(read(binary('\x21', '\x21', v6), piece), "2001:db8::1") << piece;
        EXPECT_EQ(read(binary('\x21', '\x11',
                              v4 + "\x03\x00\x04"
                                   "abcd"s),
                       piece),
                  "203.0.113.7")
            << "fields behind the addresses";
    }
}

TEST(ProxyProtocol, AHealthCheckOfTheBalancerNamesNobody) {
    EXPECT_EQ(read("PROXY UNKNOWN\r\n"), "nobody");
    EXPECT_EQ(read("PROXY UNKNOWN ff::1 ff::2 1 2\r\n"), "nobody");
    EXPECT_EQ(read(binary('\x20', '\x00', "")), "nobody");
    EXPECT_EQ(read(binary('\x20', '\x11', v4)), "nobody");
    EXPECT_EQ(read(binary('\x21', '\x00', "")), "nobody");
    EXPECT_EQ(read(binary('\x21', '\x31', std::string(216, 'x'))), "nobody") << "a unix socket";
}

TEST(ProxyProtocol, WhatIsNoneIsAProblem) {
    for (const auto& bad : {"GET /ws HTTP/1.1\r\n"s,
                            "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00"s,
                            "PROXY TCP4 203.0.113.7 10.0.0.1 49152\r\n"s,
                            "PROXY TCP4 203.0.113.7 10.0.0.1 49152 443\n"s,
                            "PROXY TCP4 ::1 ::1 1 1\r\n"s,
                            "PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n"s,
                            "PROXY TCP4 x 10.0.0.1 1 1\r\n"s,
                            "PROXY TCP4 1.2.3.4 10.0.0.1 65536 1\r\n"s,
                            "PROXY TCP4 1.2.3.4  10.0.0.1 1 1\r\n"s,
                            "PROXY TCP4 1.2.3.4 10.0.0.1 1 1 1\r\n"s,
                            "PROXY  TCP4 1.2.3.4 10.0.0.1 1 1\r\n"s,
                            "PROXY UDP4 1.2.3.4 10.0.0.1 1 1\r\n"s,
                            "PROXY \nTCP4 1.2.3.4 10.0.0.1 1 1\r\n"s,
                            "proxy TCP4 1.2.3.4 10.0.0.1 1 1\r\n"s,
                            "PROXY "s + std::string(200, 'x'),
                            binary('\x11', '\x11', v4),
                            binary('\x22', '\x11', v4),
                            binary('\x21', '\x11', v4.substr(1)),
                            binary('\x21', '\x21', v4),
                            binary('\x21', '\x41', v4),
                            signature + "\x21\x11\xFF\xFF"s}) {
        EXPECT_TRUE(read(bad).starts_with("problem: ")) << bad << ": " << read(bad);
    }
}

TEST(ProxyProtocol, OfAConnectionThatNeedNotHaveAHeaderIsReadIfItIsThere) {
    using state = proxy_header::state;
    const auto front = [](std::string_view bytes) {
        const auto f = optional_proxy_header(bytes);
        return std::pair(f.what, f.size);
    };
    const std::string line = "PROXY UNKNOWN\r\n";
    const std::string other = binary('\x20', '\x00', "");
    const std::string get = "GET / HTTP/1.1\r\n\r\n";
    for (const auto& header : {line, other, binary('\x21', '\x21', v6)}) {
        EXPECT_EQ(front(header + get), std::pair(state::complete, header.size()));
        for (std::size_t n = 1; n < header.size(); ++n) {
            EXPECT_EQ(front(header.substr(0, n)).first, state::incomplete) << n;
        }
    }
    for (const auto* none : {"GET / HTTP/1.1", "PUT", "POST / HTTP/1.1", "PROXIES / HTTP/1.1", "\r\nGET /", "\x16\x03"}) {
        EXPECT_EQ(front(none), std::pair(state::complete, std::size_t{0})) << none;
    }
    EXPECT_EQ(front("P").first, state::incomplete);
    EXPECT_EQ(front("PROXY nonsense\r\n" + get).first, state::problem);
    EXPECT_EQ(front(signature + "\x21\x11\xFF\xFF").first, state::problem);
}

TEST(ProxyProtocol, WhatIsCutShortIsWaitedFor) {
    const std::string line = "PROXY TCP4 203.0.113.7 10.0.0.1 49152 443\r\n";
    const std::string other = binary('\x21', '\x21', v6);
    for (const auto& header : {line, other}) {
        for (std::size_t n = 0; n < header.size(); ++n) {
            EXPECT_EQ(read_proxy_header(header.substr(0, n)).what, proxy_header::state::incomplete) << n;
        }
    }
}

}  // namespace
}  // namespace wsidecar::proto
