#include "sidecar/net/token_check.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "proto/text/base64.hpp"

namespace wsidecar::net {
namespace {

const std::string secret(32, 's');
const std::chrono::system_clock::time_point now(std::chrono::seconds(2'000'000'000));

std::string token(const std::string& user, const std::string& key = secret) {
    const std::string content =
        proto::base64url_encode(R"({"alg":"HS256"})") + '.' + proto::base64url_encode(R"({"sub":")" + user + "\"}");
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(content.data()),
         content.size(), mac, &size);
    return content + '.' + proto::base64url_encode({reinterpret_cast<char*>(mac), size});
}

/// Who a handshake with these header lines (and this target) is, or why it is nobody.
std::string who(const std::vector<std::string>& from, const std::string& lines, const std::string& target = "/ws") {
    config::jwt c;
    c.secret_file = "given";
    c.secrets = {secret};
    c.from = from;
    const std::string bytes = "GET " + target + " HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n";
    const auto head = proto::scan_head(bytes);
    EXPECT_EQ(head.what, proto::head_scan::state::complete) << bytes;
    const auto checks = token_check::compile(c);
    EXPECT_TRUE(checks);
    const auto said = checks->check(head.head, now);
    return said ? said->user : std::string("- ") + said.error().reason;
}

TEST(TokenCheck, FindsTheBearerOfTheAuthorizationHeader) {
    EXPECT_EQ(who({"header"}, "Authorization: Bearer " + token("alice") + "\r\n"), "alice");
    EXPECT_EQ(who({"header"}, "authorization: bearer   " + token("alice") + "\r\n"), "alice");
    for (const auto& none :
         {std::string(), "Authorization: Basic YTpi\r\n" + std::string(), "Authorization: " + token("alice") + "\r\n",
          "Authorization: Bearer\r\n" + std::string(), "Cookie: access_token=" + token("alice") + "\r\n"}) {
        EXPECT_EQ(who({"header"}, none), "- jwt_missing") << none;
    }
    EXPECT_EQ(who({"header"}, "Authorization: Bearer x\r\n"), "- jwt_malformed");
    EXPECT_EQ(who({"header"}, "Authorization: Bearer " + token("a", std::string(32, 'x')) + "\r\n"), "- jwt_signature");
    EXPECT_EQ(who({"header"}, "Authorization: Bearer " + token("a") + "\r\nAuthorization: Bearer " + token("b") + "\r\n"),
              "- jwt_missing")
        << "of two lines nobody knows which counts";
}

TEST(TokenCheck, FindsACookie) {
    EXPECT_EQ(who({"cookie"}, "Cookie: a=b; access_token=" + token("alice") + "; c=d\r\n"), "alice");
    EXPECT_EQ(who({"cookie:SID"}, "Cookie: access_token=x\r\nCookie: SID=\"" + token("alice") + "\"\r\n"), "alice");
    EXPECT_EQ(who({"cookie"}, "Cookie: my_access_token=" + token("alice") + "; access_token2=x; access_token\r\n"),
              "- jwt_missing");
}

TEST(TokenCheck, FindsAParameterOfTheQuery) {
    EXPECT_EQ(who({"query"}, "", "/ws?a=b&access_token=" + token("alice") + "&c"), "alice");
    EXPECT_EQ(who({"query:t"}, "", "/ws?t=" + token("alice")), "alice");
    std::string encoded = token("alice");
    encoded.replace(encoded.find('.'), 1, "%2E");
    EXPECT_EQ(who({"query"}, "", "/ws?access_token=" + encoded), "alice");
    EXPECT_EQ(who({"query"}, "", "/ws/access_token=" + token("alice")), "- jwt_missing");
    EXPECT_EQ(who({"query"}, "", "/ws?xaccess_token=" + token("alice") + "&access_token="), "- jwt_missing");
}

TEST(TokenCheck, FindsASubprotocol) {
    EXPECT_EQ(who({"subprotocol"}, "Sec-WebSocket-Protocol: v12.stomp, bearer, " + token("alice") + "\r\n"), "alice");
    EXPECT_EQ(who({"subprotocol"}, "Sec-WebSocket-Protocol: wamp.2.json\r\nSec-WebSocket-Protocol: " + token("alice") + "\r\n"),
              "alice");
    EXPECT_EQ(who({"subprotocol"}, "Sec-WebSocket-Protocol: wamp.2.json, bearer\r\n"), "- jwt_missing");
}

TEST(TokenCheck, TheFirstPlaceThatHasOneDecides) {
    const std::string good = token("alice");
    const std::string bad = token("admin", std::string(32, 'x'));
    EXPECT_EQ(who({"header", "cookie"}, "Cookie: access_token=" + good + "\r\n"), "alice");
    EXPECT_EQ(who({"header", "cookie"}, "Authorization: Bearer " + token("bob") + "\r\nCookie: access_token=" + good + "\r\n"),
              "bob");
    EXPECT_EQ(who({"header", "cookie"}, "Authorization: Bearer " + bad + "\r\nCookie: access_token=" + good + "\r\n"),
              "- jwt_signature");
}

TEST(TokenCheck, AnswersWithASubprotocolThatWasOffered) {
    const std::string t = token("alice");
    EXPECT_EQ(token_check::answer_to({"v1", "bearer", t}), "bearer");
    EXPECT_EQ(token_check::answer_to({"Bearer", t}), "Bearer");
    EXPECT_EQ(token_check::answer_to({t, "bearer"}), t);
    EXPECT_EQ(token_check::answer_to({"v1", "bearer"}), "");
    EXPECT_EQ(token_check::answer_to({}), "");
}

TEST(TokenCheck, SaysWhatIsWrongWithKeys) {
    config::jwt c;
    c.secret_file = "s";
    c.secrets = {"short"};
    EXPECT_NE(token_check::problem_of(c).value_or("").find("32 bytes"), std::string::npos);
    c.secrets = {"whsec_" + proto::base64_encode(secret)};
    EXPECT_FALSE(token_check::problem_of(c));
    c.secrets = {"whsec_???"};
    EXPECT_TRUE(token_check::problem_of(c));
    c = {};
    c.jwks_file = "k";
    c.jwks = "{}";
    EXPECT_NE(token_check::problem_of(c).value_or("").find("JSON Web Key Set"), std::string::npos);
}

}  // namespace
}  // namespace wsidecar::net
