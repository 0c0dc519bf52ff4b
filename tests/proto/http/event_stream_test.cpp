#include "proto/http/event_stream.hpp"

#include <gtest/gtest.h>

namespace wsidecar::proto::event_stream {
namespace {

TEST(EventStream, WhatIsAccepted) {
    for (const char* yes : {"text/event-stream", "TEXT/Event-Stream", "text/html, text/event-stream;q=0.9",
                            "*/*;q=0,text/event-stream", "text/event-stream; charset=utf-8; q=1", " text/event-stream "}) {
        EXPECT_TRUE(is_accepted(yes)) << yes;
    }
    for (const char* no : {"", "*/*", "text/*", "text/html", "text/event-stream;q=0", "text/event-stream; q=0.000",
                           "text/event-streams", "text/event-stream-x, text/html", ",,;"}) {
        EXPECT_FALSE(is_accepted(no)) << no;
    }
}

TEST(EventStream, ALineOfTheTextIsALineOfTheEvent) {
    EXPECT_EQ(of_text("a"), "data: a\n\n");
    EXPECT_EQ(of_text(""), "data: \n\n");
    EXPECT_EQ(of_text("a\nb"), "data: a\ndata: b\n\n");
    EXPECT_EQ(of_text("a\r\nb\rc"), "data: a\ndata: b\ndata: c\n\n");
    EXPECT_EQ(of_text("a\n"), "data: a\ndata: \n\n");
    EXPECT_EQ(of_text("\n\r"), "data: \ndata: \ndata: \n\n");
    EXPECT_EQ(of_text("id: 7\nevent: x"), "data: id: 7\ndata: event: x\n\n");
}

TEST(EventStream, OtherEvents) {
    EXPECT_EQ(of_binary(std::string_view("\0\1\2", 3)), "event: binary\ndata: AAEC\n\n");
    EXPECT_EQ(of_event("gap", "{}"), "event: gap\ndata: {}\n\n");
}

TEST(EventStream, TheLastIdIsTheHeadersOrTheQuerys) {
    EXPECT_EQ(last_id("1-2", "lastEventId=3-4"), "1-2");
    EXPECT_EQ(last_id("", "x=1&lastEventId=3-4&y"), "3-4");
    EXPECT_EQ(last_id("", "xlastEventId=3-4"), "");
    EXPECT_EQ(last_id("", ""), "");
}

}  // namespace
}  // namespace wsidecar::proto::event_stream
