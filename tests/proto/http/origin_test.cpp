#include "proto/http/origin.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wsidecar::proto {
namespace {

struct asked {
    std::string_view origin{};  ///< empty: none
    std::string_view host = "shop.example";
    std::string_view forwarded_host{};
    std::string_view forwarded_port{};
    std::string_view scheme{};
    std::string_view fetch_site{};
    bool credentials = true;
};

std::string says(const std::vector<std::string>& setting, const asked& a) {
    const auto policy = *origin_policy::compile(setting);
    page_request r;
    r.has_credentials = a.credentials;
    if (!a.origin.empty()) {
        r.origins = {&a.origin, 1};
    }
    r.fetch_site = a.fetch_site;
    r.host = a.host;
    r.forwarded_host = a.forwarded_host;
    r.forwarded_port = a.forwarded_port;
    r.scheme = a.scheme;
    const auto said = policy.check(r);
    return said ? "taken" : said.error().reason;
}

const std::vector<std::string> same{"same"};

TEST(Origin, TheSameHostAndPortIsTaken) {
    EXPECT_EQ(says(same, {.origin = "https://shop.example"}), "taken");
    EXPECT_EQ(says(same, {.origin = "http://SHOP.example"}), "taken");
    EXPECT_EQ(says(same, {.origin = "https://shop.example:8443", .host = "shop.example:8443"}), "taken");
    EXPECT_EQ(says(same, {.origin = "https://shop.example:8443"}), "origin_not_same");
    EXPECT_EQ(says(same, {.origin = "https://evil.example"}), "origin_not_same");
    EXPECT_EQ(says(same, {.origin = "http://[::1]:3000", .host = "[::1]:3000"}), "taken");
    EXPECT_EQ(says(same, {.origin = "https://shop.example", .host = "inner:8000", .forwarded_host = "shop.example"}), "taken");
}

TEST(Origin, ThePortThatAProxySaysIsTheHostsWhereItHasNone) {
    const asked a{.origin = "https://shop.example:8443", .forwarded_host = "shop.example", .forwarded_port = "8443"};
    EXPECT_EQ(says(same, a), "taken");
    EXPECT_EQ(says(same, {.origin = "https://shop.example:8443", .forwarded_port = "8443"}), "taken") << "of Host as well";
    EXPECT_EQ(says(same, {.origin = "https://shop.example:8444", .forwarded_port = "8443"}), "origin_not_same");
    EXPECT_EQ(says(same, {.origin = "https://shop.example", .forwarded_port = "80"}), "taken")
        << "TLS ended in front of the proxy";
    EXPECT_EQ(says(same, {.origin = "https://shop.example:8443", .forwarded_port = "x"}), "origin_not_same");
}

TEST(Origin, TheSchemeCountsWhereItIsKnown) {
    EXPECT_EQ(says(same, {.origin = "https://shop.example", .scheme = "https"}), "taken");
    EXPECT_EQ(says(same, {.origin = "http://shop.example", .scheme = "https"}), "origin_not_same");
    EXPECT_EQ(says(same, {.origin = "https://shop.example", .scheme = "http"}), "origin_not_same");
    EXPECT_EQ(says(same, {.origin = "capacitor://shop.example"}), "origin_not_same") << "no page of this host";
}

TEST(Origin, AListTakesThoseOfShellsToo) {
    for (const char* o : {"capacitor://localhost", "ionic://localhost", "chrome-extension://aabbccddeeff", "file://", "app://.",
                          "tauri://localhost", "null", "http://localhost:3000"}) {
        const std::vector<std::string> list{"https://shop.example", o};
        EXPECT_EQ(says(list, {.origin = o}), "taken") << o;
        EXPECT_EQ(says(list, {.origin = "https://shop.example"}), "taken") << o;
        EXPECT_EQ(says({"https://shop.example"}, {.origin = o}), "origin_not_listed") << o;
        EXPECT_EQ(says(list, {.origin = "capacitor://other"}), "origin_not_listed") << o;
        EXPECT_EQ(says(list, {}), "origin_missing") << o;
    }
}

TEST(Origin, WithoutOriginItIsABrowsersOnlyIfItSaysSo) {
    EXPECT_EQ(says(same, {}), "taken");
    EXPECT_EQ(says(same, {.fetch_site = "none"}), "taken");
    EXPECT_EQ(says(same, {.fetch_site = "same-origin"}), "taken");
    EXPECT_EQ(says(same, {.fetch_site = "cross-site"}), "origin_not_same");
    EXPECT_EQ(says(same, {.fetch_site = "same-site"}), "origin_not_same");
    EXPECT_EQ(says(same, {.fetch_site = "cross-site", .credentials = false}), "taken");
    EXPECT_EQ(says({"*"}, {.fetch_site = "cross-site"}), "taken");
}

TEST(Origin, WithoutCredentialsThereIsNothingToHijack) {
    EXPECT_EQ(says(same, {.origin = "https://evil.example", .credentials = false}), "taken");
    EXPECT_EQ(says({"https://a"}, {.credentials = false}), "taken");
}

}  // namespace
}  // namespace wsidecar::proto
