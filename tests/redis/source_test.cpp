#include "sidecar/redis/source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wsidecar::redis {
namespace {

using testing::ElementsAre;
using testing::Optional;

config::source on(const std::string& channel) {
    config::source s;
    s.channel = channel;
    return s;
}

TEST(Source, ANoticeGoesToTheAliasThatItNamesByteForByte) {
    auto s = on("websocket:sendMsgTopic");
    s.to.aliases = {"userId={/userId}"};
    const std::string payload = R"({"userId":42, "content":"a\u003db"})";
    const auto push = source_reader(s).read({s.channel, {}}, payload);
    ASSERT_TRUE(push);
    EXPECT_THAT(push->to.aliases, ElementsAre("userId=42"));
    EXPECT_EQ(push->payload, payload);
}

TEST(Source, ADoubleEncodedNoticeIsUnwrappedOnce) {
    auto s = on("c");
    s.to.aliases = {"userId={/userId}"};
    const auto push = source_reader(s).read({s.channel, {}}, R"("{\"userId\":42,\"title\":\"hi\"}")");
    ASSERT_TRUE(push);
    EXPECT_THAT(push->to.aliases, ElementsAre("userId=42"));
    EXPECT_EQ(push->payload, R"({"userId":42,"title":"hi"})");
}

TEST(Source, ATableGetsTheOrderExceptWhoSentIt) {
    auto s = on("websocket:order_food");
    s.to.groups = {"table-{/tableId}"};
    s.except.users = {"{/from}"};
    const auto push = source_reader(s).read({s.channel, {}}, R"({"tableId":"T8","from":"u1","dish":"鱼香肉丝"})");
    ASSERT_TRUE(push);
    EXPECT_THAT(push->to.groups, ElementsAre("table-T8"));
    EXPECT_THAT(push->except.users, ElementsAre("u1"));
    EXPECT_TRUE(source_reader(s).read({s.channel, {}}, R"({"tableId":"T8"})")) << "nobody need be excepted";
}

TEST(Source, APartOfThePayloadCanBeWhatIsSent) {
    auto s = on("websocket/message");
    s.to.users = {"{/userLdap}"};
    s.data = "/messageVOS";
    const auto push =
        source_reader(s).read({s.channel, {}}, R"({"userLdap":"zhangsan","messageVOS":[{"id":1001,"price":12.50}]})");
    ASSERT_TRUE(push);
    EXPECT_EQ(push->payload, R"([{"id":1001,"price":12.50}])") << "its digits stay";
    s.data = "/userLdap";
    EXPECT_EQ(source_reader(s).read({s.channel, {}}, R"({"userLdap":"zhang\u0073an"})")->payload, "zhangsan")
        << "a string is its text";
}

TEST(Source, OneNumberIsOneNameHoweverItIsWritten) {
    auto s = on("c");
    s.to.users = {"{/userId}"};
    s.to.groups = {"table-{/table}"};
    const auto push = source_reader(s).read({s.channel, {}}, R"({"userId":7.0,"table":1E3})");
    ASSERT_TRUE(push);
    EXPECT_THAT(push->to.users, ElementsAre("7"));
    EXPECT_THAT(push->to.groups, ElementsAre("table-1000"));
    EXPECT_EQ(push->payload, R"({"userId":7.0,"table":1E3})") << "what is sent stays as it is";
    EXPECT_THAT(source_reader(s).read({s.channel, {}}, R"({"userId":"007","table":"7.0"})")->to.users, ElementsAre("007"));
}

TEST(Source, WhatOnlyAJavaClassCanReadIsRefusedWithItsName) {
    auto s = on("c");
    s.to.all = true;
    const std::string_view stream(
        "\xAC\xED\x00\x05sr\x00\x0D"
        "com.example.X\0\0\0\0\0\0\0\1\x0C\0\0xpw\x01zx",
        38);
    const auto push = source_reader(s).read({s.channel, {}}, stream);
    ASSERT_FALSE(push);
    EXPECT_STREQ(push.error().reason, "externalizable");
    EXPECT_NE(std::string(push.error().detail).find("com.example.X"), std::string::npos) << push.error().detail;
}

TEST(Source, EveryElementCanNameSomebody) {
    auto s = on("c");
    s.to.users = {"{/to/*/id}"};
    const auto push = source_reader(s).read({s.channel, {}}, R"({"to":[{"id":"a"},{"id":7}]})");
    ASSERT_TRUE(push);
    EXPECT_THAT(push->to.users, ElementsAre("a", "7"));
}

TEST(Source, ThePatternsStarsAndTheChannelAreNamesToo) {
    config::source s;
    s.pattern = "chat.*.*";
    s.to.groups = {"{1}-{2}", "{channel}"};
    const auto push = source_reader(s).read({"chat.room.7", {"room", "7"}}, "hello");
    ASSERT_TRUE(push);
    EXPECT_THAT(push->to.groups, ElementsAre("room-7", "chat.room.7"));
    EXPECT_EQ(push->payload, "hello");
}

TEST(Source, WhatNamesNobodyIsSaidWhy) {
    auto s = on("c");
    s.to.users = {"{/user}"};
    const source_reader reader(s);
    const auto reason = [&](std::string_view payload) { return std::string(reader.read({"c", {}}, payload).error().reason); };
    EXPECT_EQ(reason(R"({"other":1})"), "no_target");
    EXPECT_EQ(reason(R"({"user":null})"), "no_target");
    EXPECT_EQ(reason(R"({"user":{"id":1}})"), "no_target");
    EXPECT_EQ(reason(R"({"user":""})"), "bad_name");
    EXPECT_EQ(reason(R"({"user":"a\nb"})"), "bad_name");
    EXPECT_EQ(reason("hello"), "not_json");
    EXPECT_EQ(reason(""), "empty");
}

TEST(Source, MissingDataIsSaidToo) {
    auto s = on("c");
    s.to.all = true;
    s.data = "/data";
    const source_reader reader(s);
    EXPECT_EQ(std::string(reader.read({"c", {}}, R"({"data":null})").error().reason), "no_data");
    EXPECT_EQ(std::string(reader.read({"c", {}}, "{}").error().reason), "no_data");
    EXPECT_EQ(std::string(reader.read({"c", {}}, "text").error().reason), "not_json");
}

TEST(Source, AListKeyAsRedisTemplateWritesIt) {
    config::source s;
    s.list = "websocket:msg:list";
    EXPECT_EQ(source_reader(s).key(), "websocket:msg:list");
    s.key_format = "jdk";
    EXPECT_EQ(source_reader(s).key(), std::string("\xAC\xED\x00\x05t\x00\x12", 7) + "websocket:msg:list");
}

TEST(Stars, AreWhatAGlobPatternLeavesOpen) {
    EXPECT_THAT(stars_of("chat.*", "chat.room"), Optional(ElementsAre("room")));
    EXPECT_THAT(stars_of("*.*", "a.b.c"), Optional(ElementsAre("a", "b.c")));
    EXPECT_THAT(stars_of("*x", "axbx"), Optional(ElementsAre("axb")));
    EXPECT_THAT(stars_of("a?c*", "abc"), Optional(ElementsAre("")));
    EXPECT_THAT(stars_of("h[ae]llo", "hallo"), Optional(testing::IsEmpty()));
    EXPECT_THAT(stars_of("h[^e]llo", "hallo"), Optional(testing::IsEmpty()));
    EXPECT_THAT(stars_of("h[a-c]llo", "hbllo"), Optional(testing::IsEmpty()));
    EXPECT_EQ(stars_of("h[^a]llo", "hallo"), std::nullopt);
    EXPECT_EQ(stars_of("chat.*", "talk.room"), std::nullopt);
    EXPECT_EQ(stars_of("abc", "ab"), std::nullopt);
    EXPECT_EQ(stars_of("ab", "abc"), std::nullopt);
    EXPECT_THAT(stars_of("\\*", "*"), Optional(testing::IsEmpty()));
    EXPECT_THAT(stars_of("*a*a*a*b", "aaaaaaaaaaaaaaaaaaab"), testing::Ne(std::nullopt));
}

config::source stream_of(const std::string& name) {
    config::source s;
    s.stream = name;
    return s;
}

TEST(Source, AnEntryOfAStreamIsItsPayloadOrAllOfIt) {
    auto s = stream_of("orders");
    s.to.users = {"{/userId}"};
    s.to.groups = {"{entry/shop}-{channel}"};
    s.field = "payload";
    const proto::stream_entry entry{"1-1", {{"shop", "7"}, {"payload", R"({"userId":42,"n":1.50})"}, {"userId", "no"}}};
    auto push = source_reader(s).read(entry);
    ASSERT_TRUE(push);
    EXPECT_THAT(push->to.users, ElementsAre("42"));
    EXPECT_THAT(push->to.groups, ElementsAre("7-orders"));
    EXPECT_EQ(push->payload, R"({"userId":42,"n":1.50})") << "byte for byte";
    s.field = {};
    s.to.groups = {};
    push = source_reader(s).read(entry);
    ASSERT_TRUE(push);
    EXPECT_THAT(push->to.users, ElementsAre("no"));
    EXPECT_EQ(push->payload, R"({"shop":"7","payload":{"userId":42,"n":1.50},"userId":"no"})");
    s.data = "/payload/n";
    EXPECT_EQ(source_reader(s).read(entry)->payload, "1.50");
}

TEST(Source, WhatAnEntryLacksIsSaid) {
    auto s = stream_of("orders");
    s.to.users = {"{entry/userId}"};
    s.field = "payload";
    EXPECT_EQ(source_reader(s).read({"1-1", {{"other", "x"}}}).error().reason, std::string("no_field"));
    EXPECT_EQ(source_reader(s).read({"1-1", {{"payload", "x"}}}).error().reason, std::string("no_target"));
    EXPECT_EQ(source_reader(s).read({"1-1", {{"payload", ""}, {"userId", "a"}}}).error().reason, std::string("empty"));
}

TEST(Source, AStreamsGroupIsCalledAsThePrefixUnlessItHasAName) {
    auto s = stream_of("orders");
    EXPECT_EQ(source_reader(s).group("wsidecar:"), "wsidecar");
    EXPECT_EQ(source_reader(s).group("{shop}:staging:"), "{shop}:staging");
    EXPECT_EQ(source_reader(s).group("::"), "wsidecar");
    s.group = "pushes";
    EXPECT_EQ(source_reader(s).group("wsidecar:"), "pushes");
    EXPECT_EQ(source_reader(on("c")).group("wsidecar:"), "") << "a channel has none";
}

}  // namespace
}  // namespace wsidecar::redis
