#include "sidecar/net/app_endpoint.hpp"

#include <gtest/gtest.h>

namespace wsidecar::net {
namespace {

TEST(AppEndpoint, TakesHostAndPort) {
    const auto e = parse_app_url("http://127.0.0.1:8080");
    ASSERT_TRUE(e.has_value());
    EXPECT_EQ(e->host, "127.0.0.1");
    EXPECT_EQ(e->port, "8080");
    EXPECT_EQ(e->authority, "127.0.0.1:8080");
    EXPECT_EQ(e->base, "");
}

TEST(AppEndpoint, KnowsTheDefaultPort) {
    const auto e = parse_app_url("http://app");
    ASSERT_TRUE(e.has_value());
    EXPECT_EQ(e->port, "80");
    EXPECT_EQ(e->authority, "app");
}

TEST(AppEndpoint, TakesAnIpv6AddressInBrackets) {
    const auto e = parse_app_url("http://[::1]:8080");
    ASSERT_TRUE(e.has_value());
    EXPECT_EQ(e->host, "::1");
    EXPECT_EQ(e->port, "8080");
    EXPECT_EQ(e->authority, "[::1]:8080");
}

TEST(AppEndpoint, KeepsABasePathWithoutItsLastSlash) {
    EXPECT_EQ(parse_app_url("http://a:1/")->base, "");
    EXPECT_EQ(parse_app_url("http://a:1/shop/")->base, "/shop");
}

TEST(AppEndpoint, TakesAUnixSocket) {
    EXPECT_EQ(parse_app_url("unix:/run/app.sock")->unix_path, "/run/app.sock");
    EXPECT_EQ(parse_app_url("unix:///run/app.sock")->unix_path, "/run/app.sock");
    EXPECT_EQ(parse_app_url("unix:/run/app.sock")->authority, "localhost");
}

TEST(AppEndpoint, RefusesWhatIsNoAppUrl) {
    const std::string long_path = "unix:/" + std::string(200, 'x');
    for (const auto& bad :
         {std::string(), std::string("app:8080"), std::string("https://app"), std::string("http://"), std::string("http://:80"),
          std::string("http://a:"), std::string("http://a:0"), std::string("http://a:65536"), std::string("http://a:8x"),
          std::string("http://u:p@a"), std::string("http://a b"), std::string("http://a\r\nX: 1"), std::string("http://a?x"),
          std::string("http://[::1"), std::string("http://[::1]8080"), std::string("unix:"), std::string("unix:app.sock"),
          long_path}) {
        EXPECT_FALSE(parse_app_url(bad).has_value()) << bad;
    }
}

}  // namespace
}  // namespace wsidecar::net
