#include "sidecar/redis/commit_result.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/redis/scripted_port.hpp"

namespace wsidecar::redis {
namespace {

using testing::ElementsAre;

TEST(CommitResult, EachPushWithAnIdIsToldWhatBecameOfIt) {
    batch b;
    b.ids = {"n1", "", "n2"};
    b.ended_here = {{"n0", "ualice", "expired", ""}, {"", "ubob", "expired", ""}};
    proto::reply_reader reader;
    reader.feed("*4\r\n:2\r\n" + resp_text("ucarol") + resp_text("stored") + resp_text("grace"));
    const auto told = reader.next();
    std::vector<std::string> heard;
    tell_ended((*told)->view(), b,
               [&](std::string_view id, std::string_view target, std::string_view outcome, std::string_view) {
                   heard.push_back(std::string(id) + ' ' + std::string(target) + ' ' + std::string(outcome));
               });
    EXPECT_THAT(heard, ElementsAre("n0 ualice expired", "n2 ucarol stored", "n1  routed"));
}

TEST(CommitResult, WhatTheScriptHasDoneIsCounted) {
    core::metrics m;
    batch b;
    b.rejected = {"nacked"};
    b.expired = 2;
    proto::reply_reader reader;
    reader.feed("*14\r\n" + resp_text("ok") + ":5\r\n:1\r\n:0\r\n:3\r\n:1\r\n:4\r\n:0\r\n:1\r\n:9\r\n*0\r\n:2\r\n:0\r\n:0\r\n");
    const auto reply = reader.next();
    count_commit((*reply)->view(), b, m, "w:outbox");
    EXPECT_EQ(m.routed.value(), 5);
    EXPECT_EQ(m.undelivered[core::undelivered_reason::no_connection], 1);
    EXPECT_EQ(m.undelivered[core::undelivered_reason::expired], 2);
    EXPECT_EQ(m.inbox_overflowed.value(), 3);
    EXPECT_EQ(m.mailbox_stored.value(), 4);
    EXPECT_EQ(m.receipts_failed.value(), 1);
    EXPECT_EQ(m.rejected.at({"nacked"}), 1);
    EXPECT_EQ(m.parked.value(), 2);
}

}  // namespace
}  // namespace wsidecar::redis
