#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.hpp"
#include "config/settings.hpp"

namespace wsidecar::config {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string first(const loaded& l) {
    return l.complaints.empty() ? "" : l.complaints.front().text();
}

void expect_same_when_printed(const config& c) {
    const auto again = load_text(print(c), "printed");
    EXPECT_EQ(first(again), "");
    for (const auto& d : diff(c, again.values)) {
        ADD_FAILURE() << d.key << ": " << d.from << " was printed as " << d.to;
    }
}

TEST(Print, TheDefaultsLoadAgain) {
    expect_same_when_printed(config{});
}

TEST(Print, EveryKeyIsThere) {
    const auto text = print(config{});
    for (const auto& s : settings()) {
        EXPECT_THAT(text, HasSubstr(s.key.substr(s.key.rfind('.') + 1) + ":")) << s.key;
    }
}

TEST(Print, TextsThatYamlWouldReadOtherwiseLoadAgain) {
    for (const char* odd :
         {"true", "~",    "null",   "1e3",  "0x10",         "#no-comment", "a: b",         "- a", "'",   "\"",  "\\", "\\n",
          "a\tb", "a\nb", "a\x01z", "\x7F", "\xE5\xBC\xA0", "\xC2\x85",    "\xE2\x80\xA8", " a ", "{a}", "[a]", "&a", "*a",
          "!a",   "%a",   "@a",     ""}) {
        config c;
        c.redis.master = odd;
        c.redis.sentinels = {"s:1"};
        c.redis.username = odd;
        c.listen.tls.cert = odd;
        c.listen.tls.key = "k";
        c.routes[0].groups = {odd, "b"};
        const auto again = load_text(print(c), "printed");
        EXPECT_EQ(again.values.redis.master, odd);
        EXPECT_EQ(again.values.redis.username, odd);
        EXPECT_EQ(again.values.listen.tls.cert, odd);
        EXPECT_EQ(again.values.routes.at(0).groups, (std::vector<std::string>{odd, "b"}));
    }
}

TEST(Print, SeveralRoutesLoadAgain) {
    const auto l = load_text(R"(
ping: 10s
forward_headers: [X-*]
routes:
  - {path: "/a/{b}", user: "{b}", groups: ["g-{b}"], event_path: "/e/{event}", deflate: true, limits: {queue: 2MiB}}
  - {path: "/c/{d...}", origins: [https://a.example, "null"], events: [], subprotocols: [x, y], on_reject: close}
)",
                             "f");
    ASSERT_EQ(first(l), "");
    ASSERT_EQ(l.values.routes.size(), 2U);
    expect_same_when_printed(l.values);
}

TEST(Print, NoSecretIsShownWhateverItsForm) {
    struct {
        const char* url;
        const char* shown;
    } const urls[] = {{"redis://u:hunter2@r/1", "redis://u:***@r/1"},
                      {"redis://:hunter2@r", "redis://:***@r"},
                      {"rediss://u:hunter2@[::1]:6380", "rediss://u:***@[::1]:6380"},
                      {"redis://u:hunter2@with@r", "@r\""},
                      {"redis://r:6379/0", "redis://r:6379/0"}};
    for (const auto& u : urls) {
        config c;
        c.redis.url = u.url;
        EXPECT_THAT(print(c), testing::AllOf(Not(HasSubstr("hunter2")), HasSubstr(u.shown))) << u.url;
    }
    config c;
    c.redis.password = "hunter2";
    c.app.signing_secrets = {"hunter2", "whsec_hunter2"};
    c.admin.token = "hunter2";
    EXPECT_THAT(print(c), Not(HasSubstr("hunter2")));
}

TEST(Print, AnEmptySecretIsShownAsEmpty) {
    EXPECT_THAT(print(config{}), HasSubstr("  password: \"\"\n"));
}

TEST(Diff, NothingChangedIsNothing) {
    EXPECT_TRUE(diff(config{}, config{}).empty());
}

TEST(Diff, ToldWithWhetherARestartIsNeeded) {
    config b;
    b.ping = 5s;
    b.prefix = "b:";
    const auto changes = diff(config{}, b);
    ASSERT_EQ(changes.size(), 2U);
    for (const auto& c : changes) {
        EXPECT_EQ(c.live, c.key == "ping") << c.key;
        EXPECT_NE(c.from, c.to);
    }
}

TEST(Diff, ARouteThatChangedIsAChange) {
    config b;
    b.routes[0].user = "{rest}";
    ASSERT_EQ(diff(config{}, b).size(), 1U);
    EXPECT_EQ(diff(config{}, b).front().key, "routes");
}

// What a secret file holds may be new while its name is the same.
TEST(Diff, ANewTokenBehindTheSameFileNameIsAChange) {
    config b;
    b.admin.token = "hunter2";
    ASSERT_EQ(diff(config{}, b).size(), 1U);
    EXPECT_EQ(diff(config{}, b).front().key, "admin.token_file");
}

TEST(JsonSchema, DescribesEveryKey) {
    const auto schema = json_schema();
    for (const auto& s : settings()) {
        EXPECT_THAT(schema, HasSubstr('"' + s.key.substr(s.key.rfind('.') + 1) + "\":{")) << s.key;
    }
}

}  // namespace
}  // namespace wsidecar::config
