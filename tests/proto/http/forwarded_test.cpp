#include "proto/http/forwarded.hpp"

#include <gtest/gtest.h>

#include <string>

namespace wsidecar::proto {
namespace {

const trusted_proxies trusted = *trusted_proxies::compile(std::vector<std::string>{"private"});

/// A request with these header lines; the views are into `bytes`.
struct request {
    explicit request(const std::string& lines) : bytes("GET / HTTP/1.1\r\n" + lines + "\r\n"), scan(scan_head(bytes)) {}
    std::string bytes;
    head_scan scan;
};

std::string client(const std::string& lines, const std::string& peer = "10.0.0.9") {
    const request r(lines);
    return client_address(r.scan.head, peer, trusted);
}

std::string for_app(const std::string& lines, const std::string& peer = "10.0.0.9", bool tls = false) {
    const request r(lines);
    return forwarded_lines(r.scan.head, {peer, tls}, trusted);
}

TEST(Forwarded, TheClientIsTheLastAddressThatIsNoTrustedProxy) {
    EXPECT_EQ(client(""), "10.0.0.9");
    EXPECT_EQ(client("X-Forwarded-For: 203.0.113.7\r\n"), "203.0.113.7");
    EXPECT_EQ(client("X-Forwarded-For: 198.51.100.1, 203.0.113.7, 10.1.1.1\r\n"), "203.0.113.7");
    EXPECT_EQ(client("X-Forwarded-For: 203.0.113.7, 100.64.3.4\r\n"), "203.0.113.7") << "RFC 6598: balancers of clouds";
    EXPECT_EQ(client("X-Forwarded-For: 203.0.113.7, 100.128.0.1\r\n"), "100.128.0.1");
    EXPECT_EQ(client("X-Forwarded-For: 203.0.113.7\r\n", "198.51.100.9"), "198.51.100.9") << "a stranger";
    EXPECT_EQ(client("X-Forwarded-For: unknown, 10.1.1.1\r\n"), "10.1.1.1");
}

TEST(Forwarded, PortsAndBracketsAreLeftOut) {
    EXPECT_EQ(client("X-Forwarded-For: 203.0.113.7:49152\r\n"), "203.0.113.7");
    EXPECT_EQ(client("X-Forwarded-For: [2001:db8::1]:4711\r\n"), "2001:db8::1");
    EXPECT_EQ(client("X-Forwarded-For: [2001:db8::1]\r\n"), "2001:db8::1");
    EXPECT_EQ(client("X-Forwarded-For: \"[2001:db8::1]:4711\"\r\n"), "2001:db8::1");
    EXPECT_EQ(client("X-Forwarded-For: 192.0.2.1:80, 10.0.0.4:1234\r\n"), "192.0.2.1");
    EXPECT_EQ(client("X-Forwarded-For: 203.0.113.7:x\r\n"), "10.0.0.9");
}

TEST(Forwarded, ANameThatABackendCouldReadAsAnotherIsLeftOut) {
    const std::string lines = for_app(
        "X-Forwarded-Client_Cert: forged\r\nX-Forwarded-User!: forged\r\nX-Forwarded-.: forged\r\nX-Forwarded-Client-Cert: "
        "Hash=1\r\n");
    EXPECT_EQ(lines.find("forged"), std::string::npos) << lines;
    EXPECT_NE(lines.find("X-Forwarded-Client-Cert: Hash=1\r\n"), std::string::npos) << "a trusted proxy may say it";
}

TEST(Forwarded, OneAddressHasOneText) {
    EXPECT_EQ(client("X-Forwarded-For: 2001:DB8:0:0::1\r\n"), "2001:db8::1");
    EXPECT_EQ(client("X-Forwarded-For: ::ffff:203.0.113.7\r\n"), "203.0.113.7");
}

TEST(Forwarded, TheStandardHeaderSaysTheSameWhereTheOthersAreMissing) {
    EXPECT_EQ(client("Forwarded: for=203.0.113.7;proto=https;by=10.0.0.1\r\n"), "203.0.113.7");
    EXPECT_EQ(client("Forwarded: for=\"203.0.113.7:49152\"\r\n"), "203.0.113.7");
    EXPECT_EQ(client("Forwarded: For=\"[2001:db8::1]:4711\", for=10.1.1.1\r\n"), "2001:db8::1");
    EXPECT_EQ(client("Forwarded: for=198.51.100.1\r\nForwarded: for=203.0.113.7\r\n"), "203.0.113.7");
    EXPECT_EQ(client("Forwarded: for=_hidden\r\n"), "10.0.0.9");
    EXPECT_EQ(client("Forwarded: for=\"203.0.113.7:_p\"\r\n"), "203.0.113.7") << "only the port is hidden";
    EXPECT_EQ(client("Forwarded: for=\"[2001:db8::1]:_p.-_1\"\r\n"), "2001:db8::1");
    EXPECT_EQ(client("Forwarded: for=\"_hidden:_p\"\r\n"), "10.0.0.9");
    EXPECT_EQ(client("Forwarded: for=\"x, 1.2.3.4\"\r\n"), "10.0.0.9") << "a quoted comma makes no element";
    EXPECT_EQ(client("Forwarded: for=\"1.2.3.4\\\r\n"), "10.0.0.9");
    EXPECT_EQ(client("Forwarded: for=198.51.100.1\r\nX-Forwarded-For: 203.0.113.7\r\n"), "203.0.113.7");
    EXPECT_EQ(client("Forwarded: for=198.51.100.1\r\nX-Forwarded-Proto: https\r\n"), "10.0.0.9")
        << "a proxy that writes one family passes on what a client wrote in the other";
    EXPECT_EQ(client("Forwarded: for=203.0.113.7\r\n", "198.51.100.9"), "198.51.100.9");
    EXPECT_EQ(for_app("Host: inner\r\nForwarded: for=203.0.113.7;proto=https;host=shop.example\r\n"),
              "X-Forwarded-For: 203.0.113.7, 10.0.0.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n"
              "X-Forwarded-Port: 443\r\nX-Real-IP: 203.0.113.7\r\n");
}

TEST(Forwarded, AnAppGetsASchemeOfHttp) {
    EXPECT_NE(for_app("Host: h\r\nX-Forwarded-Proto: wss\r\n").find("X-Forwarded-Proto: https\r\n"), std::string::npos);
    EXPECT_NE(for_app("Host: h\r\nX-Forwarded-Proto: wss\r\n").find("X-Forwarded-Port: 443\r\n"), std::string::npos);
    EXPECT_NE(for_app("Host: h\r\nX-Forwarded-Proto: WS, https\r\n").find("X-Forwarded-Proto: http, https\r\n"),
              std::string::npos);
}

TEST(Forwarded, ARealIpHasNoPortEither) {
    EXPECT_NE(for_app("X-Real-IP: 203.0.113.7:4711\r\n").find("X-Real-IP: 203.0.113.7\r\n"), std::string::npos);
    EXPECT_NE(for_app("X-Real-IP: unknown\r\nX-Forwarded-For: 203.0.113.7\r\n").find("X-Real-IP: 203.0.113.7\r\n"),
              std::string::npos);
    EXPECT_NE(for_app("X-Forwarded-For: 203.0.113.7:49152\r\n").find("X-Real-IP: 203.0.113.7\r\n"), std::string::npos);
}

TEST(Forwarded, ARealIpCountsOnlyWhereNothingElseSaysWhoTheClientIs) {
    EXPECT_EQ(client("X-Real-IP: 203.0.113.7\r\n"), "203.0.113.7") << "for the app and for limits alike";
    EXPECT_EQ(client("X-Real-IP: 203.0.113.7\r\n", "198.51.100.9"), "198.51.100.9");
    const std::string forged = "X-Real-IP: 1.2.3.4\r\nX-Forwarded-For: 203.0.113.7\r\n";  // nginx and ALBs pass the client's on
    EXPECT_EQ(client(forged), "203.0.113.7");
    EXPECT_NE(for_app(forged).find("X-Real-IP: 203.0.113.7\r\n"), std::string::npos);
    EXPECT_NE(for_app("X-Real-IP: 1.2.3.4\r\nForwarded: for=203.0.113.7\r\n").find("X-Real-IP: 203.0.113.7\r\n"),
              std::string::npos);
    EXPECT_NE(for_app("X-Real-IP: 1.2.3.4\r\nX-Forwarded-For: unknown\r\n").find("X-Real-IP: 10.0.0.9\r\n"), std::string::npos);
}

TEST(Forwarded, WhatCanBeNoPortSchemeOrHostReachesNoApp) {
    const auto line = [](const std::string& lines, const std::string& name) {
        const std::string all = for_app("Host: shop.example:8000\r\n" + lines);
        const auto at = all.find(name + ": ");
        return at == std::string::npos ? std::string("none") : all.substr(at, all.find('\r', at) - at).substr(name.size() + 2);
    };
    for (const char* port : {"x", "0", "-1", "65536", "443x", "80 80", "0x50", ",", "http"}) {
        EXPECT_EQ(line(std::string("X-Forwarded-Port: ") + port + "\r\n", "X-Forwarded-Port"), "8000") << port;
    }
    EXPECT_EQ(line("X-Forwarded-Port: x, 8443\r\n", "X-Forwarded-Port"), "8443");
    EXPECT_EQ(line("X-Forwarded-Port: 8443, 80\r\n", "X-Forwarded-Port"), "8443, 80");
    for (const char* scheme : {"ht tp", "http://x", "1", "<x>"}) {
        EXPECT_EQ(line(std::string("X-Forwarded-Proto: ") + scheme + "\r\n", "X-Forwarded-Proto"), "http") << scheme;
    }
    EXPECT_EQ(line("X-Forwarded-Proto: https, <x>\r\n", "X-Forwarded-Proto"), "https");
    for (const char* host : {"a b", "a/b", "h:x", "u@h", "h:65536", "[::1"}) {
        EXPECT_EQ(line(std::string("X-Forwarded-Host: ") + host + "\r\n", "X-Forwarded-Host"), "shop.example:8000") << host;
    }
    EXPECT_EQ(line("X-Forwarded-Host: [2001:db8::1]:8443\r\n", "X-Forwarded-Host"), "[2001:db8::1]:8443");
    EXPECT_EQ(line("Forwarded: proto=\"<x>\";host=\"a/b\"\r\n", "X-Forwarded-Proto"), "http");
    EXPECT_EQ(line("Forwarded: proto=\"<x>\";host=\"a/b\"\r\n", "X-Forwarded-Host"), "shop.example:8000");
}

TEST(Forwarded, WhatWasAskedForIsHostAndWhatATrustedProxySays) {
    const request r(
        "Host: inner:8000\r\nX-Forwarded-Host: shop.example, x\r\nX-Forwarded-Port: 8443\r\nX-Forwarded-Proto: WSS\r\n");
    const auto asked = what_was_asked_for(r.scan.head, {"10.0.0.9", false}, trusted);
    EXPECT_EQ(asked.host, "inner:8000");
    EXPECT_EQ(asked.forwarded_host, "shop.example");
    EXPECT_EQ(asked.forwarded_port, "8443");
    EXPECT_EQ(asked.scheme, "https");
    const auto stranger = what_was_asked_for(r.scan.head, {"198.51.100.9", true}, trusted);
    EXPECT_EQ(stranger.forwarded_host + stranger.forwarded_port, "");
    EXPECT_EQ(stranger.scheme, "https") << "TLS here";
    EXPECT_EQ(what_was_asked_for(r.scan.head, {"198.51.100.9", false}, trusted).scheme, "") << "TLS may have ended in front";
}

}  // namespace
}  // namespace wsidecar::proto
