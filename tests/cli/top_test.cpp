#include "sidecar/cli/top.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wsidecar::cli {
namespace {
using testing::HasSubstr;
using testing::Not;

TEST(Top, ShowsWhatASnapshotSays) {
    const auto text =
        top_text(R"({"instance":"shop-1","version":"0.1.0","uptime_seconds":7300,"time":"2026-11-21T10:11:12.000Z",
        "ready":true,"app":"ok","redis":"ok","drain":{"state":"serving"},"connections":{"open":12345},
        "rates":{"accepted":1.25,"messages_in":1200},"latency":{"event":{"p50":0.0021,"p99":null}},
        "queues":{"outbound_bytes":2048,"routes_outbox":false},
        "limits":[{"name":"max_connections","value":50000,"used":12345,"hits":7},{"name":"limits.message","value":131072,"used":null,"hits":0}],
        "undelivered":[{"reason":"queue","count":3}],
        "closes":[{"time":"2026-11-21T10:11:11.000Z","code":1009,"cause":"message_too_big","user":"alice","reason":"x"}],
        "pushes":[{"time":"2026-11-21T10:11:11.000Z","id":"m1","outcome":"delivered","to":[{"kind":"user","name":"alice"},{"kind":"user","name":"bob"}]}]})");
    EXPECT_THAT(text, HasSubstr("wsidecar shop-1  version 0.1.0  up 2.0 h  10:11:12\nready  app: ok  redis: ok  serving\n"));
    EXPECT_THAT(text, HasSubstr("connections            12,345             of 50,000\n"));
    EXPECT_THAT(text, HasSubstr("messages in/s          1,200"));
    EXPECT_THAT(text, HasSubstr("event p50, p99         2.1 ms             -\n"));
    EXPECT_THAT(text, HasSubstr("bytes to clients       2.0 KiB\n"));
    EXPECT_THAT(text, HasSubstr("outbox                 routed by another pod\n"));
    EXPECT_THAT(text, HasSubstr("max_connections        12,345 of 50,000   7 hits\n"));
    EXPECT_THAT(text, Not(HasSubstr("limits.message"))) << "neither in use nor hit";
    EXPECT_THAT(text, HasSubstr("10:11:11 1,009"));
    EXPECT_THAT(text, HasSubstr("user alice, ..."));
}

TEST(Top, WhatOnlyRedisKnowsIsUnknownWithoutIt) {
    EXPECT_THAT(top_text(R"({"instance":"a","redis":"commands: no answer for 4 s","queues":{"routes_outbox":false}})"),
                HasSubstr("outbox                 unknown: Redis is not well\n"));
    EXPECT_THAT(top_text(R"({"instance":"a","redis":"none","queues":{"routes_outbox":false}})"), Not(HasSubstr("outbox")));
}

TEST(Top, NobodysNameSpeaksToTheTerminal) {
    const auto text = top_text(
        R"({"instance":"shop","closes":[{"time":"","code":1000,"cause":"client","user":"\u001b[2J\u009b31m\u0007a\u007f\nb","reason":"张三"}]})");
    EXPECT_THAT(text, HasSubstr("?[2J?31m?a??b"));
    EXPECT_THAT(text, HasSubstr("张三"));
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(Top, WhatIsNoSnapshotGivesNoText) {
    for (const char* body : {"", "{", "[]", "null", R"({"error":"no"})"}) {
        EXPECT_EQ(top_text(body), "") << body;
    }
    EXPECT_NE(top_text(R"({"instance":1,"limits":7,"closes":[[],1],"pushes":{},"rates":null,"undelivered":[null]})"), "");
}

}  // namespace
}  // namespace wsidecar::cli
