#include "sidecar/net/session_owner.hpp"

#include <gtest/gtest.h>

namespace wsidecar::net {
namespace {

const auto now = std::chrono::system_clock::now();

session_owner begun(std::string_view cookie, std::string_view authorization = "") {
    return session_owner({"203.0.113.1", cookie, authorization});
}
bool takes(session_owner& o, std::string_view cookie, std::string_view authorization = "", std::string_view current = "") {
    return o.is({"203.0.113.1", cookie, authorization}, current);
}

TEST(SessionOwner, WithoutCredentialsIsWhoHasTheAddress) {
    auto o = begun("");
    EXPECT_FALSE(o.has_credentials());
    EXPECT_TRUE(takes(o, ""));
    EXPECT_TRUE(takes(o, "SESSION=later"));
    EXPECT_FALSE(o.is({"203.0.113.2", "", ""}, ""));
}

TEST(SessionOwner, WithoutCredentialsIsOnlyWhoHasTheSecretOnceThatHasComeBack) {
    auto o = begun("");
    const std::string line = o.set_cookie("/s/0/a", false, false);
    const std::string secret = line.substr(0, line.find(';'));
    EXPECT_TRUE(takes(o, "")) << "who keeps no cookies is known by the address";
    EXPECT_TRUE(o.is({"203.0.113.2", secret, ""}, ""));
    EXPECT_FALSE(takes(o, "")) << "the client keeps cookies, so this is another";
    EXPECT_FALSE(takes(o, "SESSION=bob"));
    EXPECT_TRUE(takes(o, "SESSION=later; " + secret));
}

TEST(SessionOwner, WithoutCredentialsIsKnownByTheCookiesThatTheAppGivesIt) {
    auto o = begun("");
    o.gave({{"Set-Cookie", "SESSION=a; HttpOnly"}}, now);
    EXPECT_TRUE(takes(o, ""));
    EXPECT_TRUE(o.is({"203.0.113.2", "SESSION=a", ""}, "SESSION=a"));
    EXPECT_FALSE(takes(o, "", "", "SESSION=a"));
    EXPECT_FALSE(takes(o, "SESSION=bob", "", "SESSION=a"));
    EXPECT_TRUE(takes(o, "SESSION=b", "", "SESSION=b")) << "changed since";
}

TEST(SessionOwner, WithCookiesIsWhoBringsThemAllWhateverTheAddress) {
    auto o = begun("SESSION=alice; theme=dark");
    EXPECT_TRUE(takes(o, "SESSION=alice; theme=dark"));
    EXPECT_TRUE(takes(o, "theme=dark;SESSION=alice; _ga=1"));
    EXPECT_TRUE(o.is({"203.0.113.2", "SESSION=alice; theme=dark", ""}, ""));
    for (const char* not_hers : {"", "SESSION=bob; theme=dark", "theme=dark", "SESSION=alice", "SESSION=alic; theme=dark",
                                 "XSESSION=alice; theme=dark", "SESSION=alice; theme", "=; ;"}) {
        EXPECT_FALSE(takes(o, not_hers)) << not_hers;
    }
    EXPECT_FALSE(takes(o, "", "Basic YQ=="));
}

TEST(SessionOwner, WithAuthorizationIsWhoBringsTheSame) {
    auto o = begun("theme=dark", "Bearer a");
    EXPECT_TRUE(takes(o, "", "Bearer a"));
    EXPECT_TRUE(takes(o, "theme=light", "Bearer a"));
    EXPECT_FALSE(takes(o, "theme=dark", "Bearer b"));
    EXPECT_FALSE(takes(o, "theme=dark"));
}

TEST(SessionOwner, FollowsTheValuesThatTheAppGivesTheCookies) {
    auto o = begun("SESSION=a; theme=dark");
    o.gave({{"Set-Cookie", "SESSION=b; HttpOnly"}, {"set-cookie", "XSRF=x"}, {"Location", "SESSION=c"}}, now);
    EXPECT_TRUE(takes(o, "SESSION=b; theme=dark; XSRF=x"));
    EXPECT_TRUE(takes(o, "SESSION=b; theme=dark")) << "what was not there before is not asked for";
    EXPECT_FALSE(takes(o, "SESSION=a; theme=dark")) << "the old one is no login any more: it may be known (session fixation)";
    EXPECT_TRUE(takes(o, "SESSION=d; theme=dark", "", "SESSION=d; theme=dark; XSRF=x")) << "an event's answer changed it since";
    EXPECT_TRUE(takes(o, "SESSION=b; theme=dark", "", "SESSION=d; theme=dark")) << "which the client has not seen";
}

TEST(SessionOwner, IsNotWhoeverHasWhatALogoutLeaves) {
    auto o = begun("SESSION=a; theme=dark");
    o.gave({{"Set-Cookie", "SESSION=; Max-Age=0"}}, now);
    EXPECT_FALSE(takes(o, "theme=dark"));
    EXPECT_FALSE(takes(o, "theme=dark", "", "theme=dark"));
    EXPECT_FALSE(takes(o, "", "", ""));
    EXPECT_TRUE(takes(o, "SESSION=a; theme=dark"));
}

TEST(SessionOwner, HasASecretThatOutlivesItsOtherCookies) {
    auto o = begun("SESSION=a; _ga=1");
    const std::string line = o.set_cookie("/s/000/abc", false, false);
    EXPECT_EQ(line.substr(line.find(';')), "; Path=/s/000/abc; HttpOnly; SameSite=Lax");
    const std::string secret = line.substr(0, line.find(';'));
    EXPECT_GE(secret.size(), 32U);
    EXPECT_TRUE(takes(o, "_ga=2; SESSION=z; " + secret));
    EXPECT_FALSE(takes(o, "_ga=2; SESSION=z; " + secret + "0"));
    EXPECT_FALSE(takes(o, "wsidecar-sockjs="));
    auto other = begun("SESSION=a; _ga=1");
    EXPECT_FALSE(takes(other, secret)) << "each session has its own";
    EXPECT_TRUE(o.set_cookie("/s", true, true).ends_with("; HttpOnly; Secure; SameSite=None"));
    EXPECT_TRUE(o.set_cookie("/s", true, false).ends_with("; HttpOnly; Secure; SameSite=Lax"));
    EXPECT_TRUE(o.set_cookie("/s", false, true).ends_with("; HttpOnly; SameSite=Lax"));
}

TEST(SessionOwner, IsFoundOutInBoundedTimeHoweverManyCookiesThereAre) {
    std::string many;
    for (int i = 0; many.size() < 64 * 1024; ++i) {
        many += "c" + std::to_string(i % 9) + ";";
    }
    auto o = begun(many);
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_TRUE(takes(o, many, "", many));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(500));
}

}  // namespace
}  // namespace wsidecar::net
