#include "proto/resp.hpp"

#include <gtest/gtest.h>

namespace wsidecar::proto {
namespace {

std::unique_ptr<reply> read(std::string_view bytes) {
    static reply_reader reader;
    reader.feed(bytes);
    auto r = reader.next();
    return r ? std::move(*r) : nullptr;
}

TEST(Resp, CommandsAreBinarySafe) {
    std::string out;
    append_command(out, {"SET", std::string_view("a\0b", 3), "\r\n"});
    EXPECT_EQ(out, std::string("*3\r\n$3\r\nSET\r\n$3\r\na\0b\r\n$2\r\n\r\n\r\n", 30));
}

TEST(Resp, ReadsEachKindOfReply) {
    const auto r = read("*5\r\n:42\r\n$2\r\nhi\r\n+OK\r\n-ERR no\r\n$-1\r\n");
    ASSERT_TRUE(r);
    const auto v = r->view();
    ASSERT_TRUE(v.is_array());
    EXPECT_EQ(v.size(), 5U);
    EXPECT_EQ(v[0].integer(), 42);
    EXPECT_EQ(v[1].text(), "hi");
    EXPECT_TRUE(v[2].is_string());
    EXPECT_TRUE(v[3].is_error());
    EXPECT_EQ(v[3].text(), "ERR no");
    EXPECT_TRUE(v[4].is_null());
    EXPECT_TRUE(v[5].is_null()) << "beyond the end";
    EXPECT_TRUE(v[1][0].is_null()) << "an element of what is no array";
    EXPECT_EQ(v[1].integer(), 0);
}

TEST(Resp, ANullViewAnswersEveryQuestion) {
    const reply_view none;
    EXPECT_TRUE(none.is_null());
    EXPECT_FALSE(none.is_error());
    EXPECT_EQ(none.text(), "");
    EXPECT_EQ(none.size(), 0U);
    EXPECT_TRUE(none[3][4].is_null());
}

TEST(Resp, ReadsRepliesByteByByte) {
    reply_reader reader;
    const std::string bytes = "*2\r\n$3\r\nabc\r\n:7\r\n";
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        reader.feed(std::string_view(bytes).substr(i, 1));
        const auto r = reader.next();
        ASSERT_TRUE(r);
        EXPECT_EQ(static_cast<bool>(*r), i + 1 == bytes.size()) << i;
    }
}

TEST(Resp, WhatIsNoRespIsAProblem) {
    reply_reader reader;
    reader.feed("HTTP/1.1 200 OK\r\n\r\n");
    const auto r = reader.next();
    ASSERT_FALSE(r);
    EXPECT_STREQ(r.error().reason, "protocol");
}

TEST(Resp, AReplyThatDoesNotEndIsBounded) {
    reply_reader reader(1000);
    reader.feed("$100000\r\n" + std::string(2000, 'x'));
    EXPECT_FALSE(reader.next());
}

TEST(Resp, SlotsAreThoseOfRedisCluster) {
    EXPECT_EQ(key_slot("123456789"), 12739);  // the specification's example
    EXPECT_EQ(key_slot("{user1000}.following"), key_slot("{user1000}.followers"));
    EXPECT_EQ(key_slot("foo{}{bar}"), key_slot("foo{}{bar}"));
    EXPECT_NE(key_slot("{}a"), key_slot("{}b")) << "an empty tag is none";
    EXPECT_EQ(key_slot("foo{bar}{zap}"), key_slot("bar"));
}

TEST(ReplyReader, ReadsPastAMonsterAndGoesOnBehindIt) {
    reply_reader reader(1024, 100);
    const std::string monster = "$5000\r\n" + std::string(5000, 'm') + "\r\n+behind\r\n";
    reader.feed("+before\r\n");
    EXPECT_EQ((*reader.next())->view().text(), "before");
    for (std::size_t at = 0; at < monster.size(); at += 700) {
        EXPECT_FALSE(*reader.next());
        reader.feed(std::string_view(monster).substr(at, 700));
    }
    const auto empty = reader.next();
    EXPECT_TRUE((*empty)->view().is_string());
    EXPECT_EQ((*empty)->view().text(), "");
    EXPECT_EQ((*reader.next())->view().text(), "behind");
}

TEST(ReplyReader, ALongStringBelowTheBoundIsWhole) {
    reply_reader reader(1024, 100);
    reader.feed("$100\r\n" + std::string(100, 'x') + "\r\n");
    EXPECT_EQ((*reader.next())->view().text().size(), 100U);
}

}  // namespace
}  // namespace wsidecar::proto
