// What config/ takes, proto/ compiles: neither includes the other, and a value that only one of them takes would be an
// exception at the start instead of a line with its place.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/forms.hpp"
#include "proto/http/header_filter.hpp"
#include "proto/http/origin.hpp"
#include "proto/http/webhook_signature.hpp"
#include "proto/text/cidr.hpp"

namespace wsidecar {
namespace {

const std::vector<std::string> odd = {"",
                                      "*",
                                      "X-*",
                                      "X-*-Y",
                                      "X_Y",
                                      "-",
                                      "Cookie",
                                      "Coo kie",
                                      "https://a",
                                      "HTTPS://A",
                                      "https://",
                                      "https://a:",
                                      "https://a:0",
                                      "https://a:1",
                                      "https://a:99999",
                                      "http://[::1]",
                                      "http://[::1]:3000",
                                      "http://[::1",
                                      "http://[1.2.3.4]",
                                      "https://a/",
                                      "https://a?b",
                                      "https://a#b",
                                      "https://%61",
                                      "https://a_b.example",
                                      "null",
                                      "same",
                                      "file://",
                                      "FILE://",
                                      "file://x",
                                      "file:///x",
                                      "capacitor://localhost",
                                      "ionic://localhost",
                                      "app://.",
                                      "chrome-extension://aabbcc",
                                      "moz-extension://1b2c-3d",
                                      "tauri://localhost:1420",
                                      "javascript:alert",
                                      "x:",
                                      "1x://a",
                                      "https://a:b@c",
                                      "https://[::1]x",
                                      "1.2.3.4",
                                      "1.2.3",
                                      "1.2.3.4/0",
                                      "1.2.3.4/",
                                      "1.2.3.4/33",
                                      "::1",
                                      "::1/128",
                                      "::/0",
                                      "::ffff:1.2.3.4/128",
                                      "[::1]",
                                      "fe80::1%eth0",
                                      "01.2.3.4",
                                      "10.1.2.3/8",
                                      "whsec_",
                                      "whsec_YQ==",
                                      "whsec_YQ=",
                                      "whsec_YR==",
                                      "whsec_YWI=",
                                      "whsec_YWJj",
                                      "whsec_Y===",
                                      "whsec_=",
                                      "whsec_YQ==YQ==",
                                      "plain",
                                      "whsec-x"};

TEST(ConfigAgrees, OriginsCompile) {
    for (const auto& o : odd) {
        if (config::is_origin(o)) {
            EXPECT_TRUE(proto::origin_policy::compile(std::vector{o})) << o;
        }
    }
}

TEST(ConfigAgrees, HeaderPatternsCompile) {
    for (const auto& o : odd) {
        EXPECT_EQ(config::is_header_pattern(o), proto::header_filter::compile(std::vector{o}).has_value()) << o;
    }
}

TEST(ConfigAgrees, ANameThatNoEventCarriesIsRefusedAndNoOther) {
    const std::vector<std::string> names = {"Host",
                                            "host",
                                            "Connection",
                                            "Keep-Alive",
                                            "Proxy-Connection",
                                            "Proxy-Authorization",
                                            "TE",
                                            "Trailer",
                                            "Upgrade",
                                            "HTTP2-Settings",
                                            "Accept-Encoding",
                                            "Range",
                                            "Expect",
                                            "Transfer-Encoding",
                                            "ce-id",
                                            "ws-user",
                                            "stomp-login",
                                            "webhook-id",
                                            "Idempotency-Key",
                                            "If-None-Match",
                                            "Content-Length",
                                            "Cookie",
                                            "X-Ws-A",
                                            "Accept",
                                            "Referer",
                                            "Sec-Fetch-Site",
                                            "Sec-WebSocket-Key",
                                            "Sec-WebSocket-Protocol",
                                            "Ranges",
                                            "Origin",
                                            "Teapot",
                                            "Ifa",
                                            "Contents",
                                            "Sec-WebSocket-X",
                                            "Sec-WebSocket-Version"};
    for (const auto& n : names) {
        const bool passes = proto::header_filter::compile(std::vector{n})->allows(n);
        EXPECT_EQ(config::is_never_forwarded(n), !passes) << n;
    }
    EXPECT_TRUE(config::is_never_forwarded("Forwarded"));  // X-Forwarded-* says it
    EXPECT_TRUE(config::is_never_forwarded("Sec-WebSocket-*"));
    EXPECT_TRUE(config::is_never_forwarded("Ws-*"));
    EXPECT_FALSE(config::is_never_forwarded("*"));
}

TEST(ConfigAgrees, NetworksCompile) {
    for (const auto& o : odd) {
        if (config::is_network(o)) {
            EXPECT_TRUE(proto::trusted_proxies::compile(std::vector{o})) << o;
        }
    }
}

TEST(ConfigAgrees, SigningSecretsAreKeys) {
    for (const auto& o : odd) {
        EXPECT_EQ(config::is_signing_secret(o), proto::webhook_key(o).has_value()) << o;
    }
}

}  // namespace
}  // namespace wsidecar
