#include "proto/app_reply.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/text/utf8.hpp"

#include "proto/cloudevents.hpp"

namespace wsidecar::proto {
namespace {

using testing::ElementsAre;

TEST(AppReply, EveryCellOfTheStatusTable) {
    using t = event_type;
    for (const unsigned s : {200U, 202U, 204U, 299U}) {
        for (const auto type : {t::connect, t::message, t::disconnect}) {
            EXPECT_EQ(classify(type, s), verdict::done) << s;
        }
    }
    for (const unsigned s : {301U, 302U, 307U, 401U}) {
        EXPECT_EQ(classify(t::connect, s), verdict::relay) << s;
        EXPECT_EQ(classify(t::message, s), verdict::login_gone) << s;
        EXPECT_EQ(classify(t::message, s, true), verdict::rejected) << s;
        EXPECT_EQ(classify(t::disconnect, s), verdict::rejected) << s;
    }
    for (const unsigned s : {400U, 403U, 404U, 409U, 422U}) {
        EXPECT_EQ(classify(t::connect, s), verdict::relay) << s;
        EXPECT_EQ(classify(t::message, s), verdict::rejected) << s;
        EXPECT_EQ(classify(t::disconnect, s), verdict::rejected) << s;
    }
    for (const unsigned s : {500U, 501U, 505U, 599U}) {
        EXPECT_EQ(classify(t::connect, s), verdict::bad_gateway) << s;
        EXPECT_EQ(classify(t::message, s), verdict::rejected) << s;
        EXPECT_EQ(classify(t::disconnect, s), verdict::rejected) << s;
    }
    for (const unsigned s : {429U, 502U, 503U, 504U}) {
        EXPECT_EQ(classify(t::connect, s), s == 429 || s == 503 ? verdict::relay : verdict::bad_gateway) << s;
        EXPECT_EQ(classify(t::message, s), verdict::retry) << s;
        EXPECT_EQ(classify(t::disconnect, s), verdict::retry) << s;
    }
}

TEST(AppReply, ReadsEveryCommand) {
    const auto r = parse_reply({{"ws-user", "%E5%BC%A0%E4%B8%89"},
                                {"Ws-Alias", "userId=42, tel=%2B49"},
                                {"Ws-Join", "a"},
                                {"Ws-Join", "b, c"},
                                {"Ws-Leave", "d"},
                                {"Ws-State", "cart=7"},
                                {"Ws-Close", "4001 signed out"},
                                {"Ws-Subprotocol", "v2"},
                                {"Set-Cookie", "a=1"},
                                {"Content-Type", "application/json"}},
                               "{}");
    EXPECT_EQ(r.user, "张三");
    EXPECT_THAT(r.aliases, ElementsAre("userId=42", "tel=+49"));
    EXPECT_THAT(r.join, ElementsAre("a", "b", "c"));
    EXPECT_THAT(r.leave, ElementsAre("d"));
    EXPECT_EQ(r.state, "cart=7");
    ASSERT_TRUE(r.close);
    EXPECT_EQ(r.close->code, 4001);
    EXPECT_EQ(r.close->reason, "signed out");
    EXPECT_EQ(r.subprotocol, "v2");
    EXPECT_THAT(r.set_cookies, ElementsAre("a=1"));
    ASSERT_TRUE(r.message);
    EXPECT_TRUE(r.message->text);
    EXPECT_TRUE(r.problems.empty());
}

TEST(AppReply, WhatCannotBeTakenIsAProblemAndTheRestIsTaken) {
    const auto r = parse_reply(
        {{"Ws-User", "a%0Ab"}, {"Ws-Join", "good"}, {"Ws-State", std::string(2049, 'x')}, {"Ws-Close", "1005"}}, "");
    EXPECT_FALSE(r.user);
    EXPECT_THAT(r.join, ElementsAre("good"));
    EXPECT_FALSE(r.state);
    EXPECT_FALSE(r.close);
    EXPECT_EQ(r.problems.size(), 3U);
}

TEST(AppReply, TheStateIsTakenByteForByte) {
    for (const char* state : {"{\"room\":1}", "%E7%82%B9", "100%", "a+b c", "caf\xE9", "\xE7\x82\xB9"}) {
        EXPECT_EQ(parse_reply({{"Ws-State", state}}, "").state, state);
        EXPECT_EQ(unpacked_state(packed_state(state)), state);
        EXPECT_TRUE(valid_utf8(packed_state(state))) << "the registry's readers want JSON";
    }
    EXPECT_EQ(unpacked_state("cart=7"), "cart=7") << "of an older version";
}

TEST(AppReply, ANameIsUtf8OrRefused) {
    const auto r = parse_reply({{"Ws-User", "caf\xE9"}, {"Ws-Join", "caf%E9, caf%C3%A9"}, {"Ws-Alias", "\xE7\x82\xB9"}}, "");
    EXPECT_FALSE(r.user);
    EXPECT_THAT(r.join, ElementsAre("café"));
    EXPECT_THAT(r.aliases, ElementsAre("点"));
    EXPECT_EQ(r.problems.size(), 2U);
}

TEST(AppReply, AMisspeltCommandIsSeen) {
    const auto r = parse_reply({{"Ws-Jion", "a"},
                                {"ws-joins", "b"},
                                {"Ws-Join", "c"},
                                {"X-Ws-Join", "d"},
                                {"Wsx", "e"},
                                {"Ws_Join", "f"},
                                {"WsState", "g"}},
                               "");
    EXPECT_THAT(r.unknown, ElementsAre("Ws-Jion", "ws-joins", "Ws_Join", "WsState"));
    EXPECT_THAT(r.join, ElementsAre("c"));
}

TEST(AppReply, AnEmptyStateDeletes) {
    EXPECT_EQ(parse_reply({{"Ws-State", ""}}, "").state, "");
}

TEST(AppReply, TheBodyIsTextOrBinaryByItsType) {
    EXPECT_FALSE(parse_reply({{"Content-Type", "text/plain"}}, "").message);
    EXPECT_FALSE(parse_reply({{"Content-Type", "image/png"}}, "x").message->text);
    EXPECT_FALSE(parse_reply({}, "x").message->text);
    EXPECT_EQ(parse_reply({{"Content-Type", "text/plain;charset=ISO-8859-1"}}, "\xFC").message->payload, "ü");
    const auto bad = parse_reply({{"Content-Type", "text/plain"}}, "\xFF");
    EXPECT_FALSE(bad.message);
    EXPECT_EQ(bad.problems.size(), 1U);
}

TEST(AppReply, RetryAfterIsSecondsOrADateAndBounded) {
    const auto now = std::chrono::system_clock::time_point(std::chrono::seconds(784'111'777));  // Sun, 06 Nov 1994 08:49:37 GMT
    using namespace std::chrono_literals;
    EXPECT_EQ(retry_after({{"Retry-After", "3"}}, now), 3000ms);
    EXPECT_EQ(retry_after({{"retry-after", "Sun, 06 Nov 1994 08:49:47 GMT"}}, now), 10'000ms);
    EXPECT_EQ(retry_after({{"Retry-After", "999999"}}, now), 300'000ms);
    EXPECT_FALSE(retry_after({{"Retry-After", "soon"}}, now));
    EXPECT_FALSE(retry_after({}, now));
}

TEST(AppReply, OnlyTheHeadersThatMatterAreRelayed) {
    const auto out = relayed_headers({{"Content-Type", "a"},
                                      {"Server", "x"},
                                      {"set-cookie", "a=1"},
                                      {"Transfer-Encoding", "chunked"},
                                      {"Location", "/l"},
                                      {"X-Secret", "1"}});
    ASSERT_EQ(out.size(), 3U);
}

TEST(AppReply, ARefusalSaysWhatTheErrorFrameHolds) {
    const auto e = read_stomp_error({{"stomp-code", "4%0A2"},
                                     {"Stomp-Message", " not%20you%3A \xE5\xBC\xA0 "},
                                     {"stomp-bad", "%FF"},
                                     {"stomp-", "x"},
                                     {"Server", "x"},
                                     {"content-type", "application/json"}},
                                    "{}");
    EXPECT_EQ(e.message, "not you: \xE5\xBC\xA0");
    EXPECT_EQ(e.headers, (header_list{{"content-type", "application/json"}, {"code", "4\n2"}}));
    EXPECT_EQ(e.body, "{}");
    const auto none = read_stomp_error({}, std::string(max_error_body - 1, 'x') + "\xE5\xBC\xA0");
    EXPECT_TRUE(none.message.empty() && none.headers.empty());
    EXPECT_EQ(none.body, std::string(max_error_body - 1, 'x'));
}

TEST(AppReply, ALongReasonIsCutAtACharacter) {
    std::string reason;
    for (int i = 0; i < 70; ++i) {
        reason += "%E5%BC%A0";
    }
    const auto r = parse_reply({{"Ws-Close", "4001 " + reason}}, "");
    ASSERT_TRUE(r.close);
    EXPECT_EQ(r.close->reason.size(), 123U);
    EXPECT_EQ(r.problems.size(), 1U) << "and told";
    const auto odd = parse_reply({{"Ws-Close", "4001 xx" + reason}}, "");
    EXPECT_EQ(odd.close->reason.size(), 122U);
    const auto bad = parse_reply({{"Ws-Close", "4001 %FF"}}, "");
    EXPECT_EQ(bad.close->code, 4001) << "a reason that is no text does not keep the connection open";
    EXPECT_EQ(bad.problems.size(), 1U);
}

TEST(AppReply, ABodyInACodingThatNobodyUnderstoodIsNoMessage) {
    const auto r = parse_reply({{"Content-Type", "text/plain"}, {"Content-Encoding", "br"}}, "x");
    EXPECT_FALSE(r.message);
    ASSERT_EQ(r.problems.size(), 1U);
    EXPECT_STREQ(r.problems[0].reason, "content_encoding");
    EXPECT_TRUE(parse_reply({{"Content-Type", "text/plain"}, {"Content-Encoding", "identity"}}, "x").message);
}

TEST(AppReply, ABodyMayBeSeveralMessages) {
    const auto r =
        parse_reply({{"Ws-Messages", "text=6, binary=2,text=0"}, {"Content-Type", "application/octet-stream"}}, "午饭\xFF\x01");
    EXPECT_TRUE(r.problems.empty());
    ASSERT_TRUE(r.message);
    EXPECT_TRUE(r.message->text);
    EXPECT_EQ(r.message->payload, "午饭");
    ASSERT_EQ(r.more.size(), 2U);
    EXPECT_FALSE(r.more[0].text);
    EXPECT_EQ(r.more[0].payload, "\xFF\x01");
    EXPECT_TRUE(r.more[1].text);
    EXPECT_EQ(r.more[1].payload, "");
    const auto empty = parse_reply({{"ws-messages", "text=0"}}, "");
    ASSERT_TRUE(empty.message) << "the only way to send an empty one";
    EXPECT_EQ(empty.message->payload, "");
    const auto repeated = parse_reply({{"Ws-Messages", "text=1"}, {"Ws-Messages", "text=1"}}, "ab");
    ASSERT_EQ(repeated.more.size(), 1U);
    EXPECT_EQ(repeated.more[0].payload, "b");
}

TEST(AppReply, OfABodyThatIsNotItsMessagesNothingIsSent) {
    for (const auto* list : {"", "text", "text=", "text=x", "text=2x", "text=-1", "blob=2", "text=3", "text=1", "text=1,",
                             "text=1,text=2", "text=99999999999999999999"}) {
        const auto r = parse_reply({{"Ws-Messages", list}}, "ab");
        EXPECT_FALSE(r.message) << list;
        EXPECT_TRUE(r.more.empty()) << list;
        ASSERT_EQ(r.problems.size(), 1U) << list;
        EXPECT_STREQ(r.problems[0].reason, "bad_messages") << list;
    }
    const auto r = parse_reply({{"Ws-Messages", "binary=1,text=1"}}, "\xFF\xFF");
    EXPECT_FALSE(r.message);
    ASSERT_EQ(r.problems.size(), 1U);
    EXPECT_STREQ(r.problems[0].reason, "not_utf8");
}

TEST(AppReply, CloseCodesAreThoseThatMayBeSent) {
    for (const unsigned good : {1000U, 1001U, 1008U, 1011U, 1013U, 3000U, 4001U, 4999U}) {
        EXPECT_TRUE(valid_close_code(good)) << good;
    }
    for (const unsigned bad : {0U, 999U, 1004U, 1005U, 1006U, 1015U, 1016U, 2999U, 5000U, 65535U}) {
        EXPECT_FALSE(valid_close_code(bad)) << bad;
    }
}

TEST(AppReply, HistoryNamesGroupsAndNumbers) {
    const auto r = parse_reply({{"Ws-History", "table-7=20, a%2Cb=1"}, {"ws-history", "x=y=3,*=5,%2A=6"}}, {});
    ASSERT_EQ(r.history.size(), 5U);
    EXPECT_EQ(r.history[0].group, "table-7");
    EXPECT_EQ(r.history[0].count, 20U);
    EXPECT_EQ(r.history[1].group, "a,b");
    EXPECT_EQ(r.history[2].group, "x=y");
    EXPECT_EQ(r.history[3].group, "");  // all
    EXPECT_EQ(r.history[4].group, "*");
    EXPECT_TRUE(r.problems.empty());
    for (const char* bad : {"table-7", "table-7=", "=3", "a=0", "a=-1", "a=x", "a=4294967296", "%00=1", "a = 1 1"}) {
        const auto b = parse_reply({{"Ws-History", bad}}, {});
        EXPECT_TRUE(b.history.empty()) << bad;
        ASSERT_EQ(b.problems.size(), 1U) << bad;
        EXPECT_STREQ(b.problems[0].reason, "bad_history");
    }
}

}  // namespace
}  // namespace wsidecar::proto
