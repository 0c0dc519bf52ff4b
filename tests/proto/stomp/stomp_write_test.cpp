#include "proto/stomp/stomp_write.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace wsidecar::proto::stomp {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using headers = std::vector<std::pair<std::string, std::string>>;

TEST(StompWrite, ConnectedTellsVersionBeatsAndUser) {
    const greeting g{{10s, 5s}, "c-1", "wsidecar/0.1.0", "alice"};
    EXPECT_EQ(connected(version::v1_2, g),
              "CONNECTED\nversion:1.2\nheart-beat:10000,5000\nsession:c-1\nserver:wsidecar/0.1.0\nuser-name:alice\n\n\0"s);
    EXPECT_EQ(connected(version::v1_1, {}), "CONNECTED\nversion:1.1\nheart-beat:0,0\n\n\0"s);
    EXPECT_EQ(connected(version::v1_0, {{1s, 1s}, "s", {}, {}}), "CONNECTED\nversion:1.0\nsession:s\n\n\0"s)
        << "1.0 has no heart-beats";
}

TEST(StompWrite, ConnectedIsNeverEscapedAndNeverBroken) {
    EXPECT_EQ(connected(version::v1_2, {{}, {}, {}, "a:b\\c\nd\re\0f"s}),
              "CONNECTED\nversion:1.2\nheart-beat:0,0\nuser-name:a:b\\c d e f\n\n\0"s);
}

TEST(StompWrite, AMessageIsTheHeadOfOneSubscriberAndTheTailOfAll) {
    const headers custom = {
        {"priority", "9"}, {"destination", "/topic/other"}, {"message-id", "forged"}, {"content-length", "1"}};
    const auto tail = message_tail(version::v1_2, "/topic/a:b", "application/json", custom, "{}");
    EXPECT_EQ(message_head(version::v1_2, "sub-0", "c-1-7", "ack-3") + tail,
              "MESSAGE\nsubscription:sub-0\nmessage-id:c-1-7\nack:ack-3\n"
              "destination:/topic/a\\cb\ncontent-type:application/json\npriority:9\ncontent-length:2\n\n{}\0"s);
    EXPECT_EQ(message_head(version::v1_1, "sub-0", "7", "ack-3"), "MESSAGE\nsubscription:sub-0\nmessage-id:7\n")
        << "1.1 acknowledges by message-id";
    EXPECT_EQ(message_head(version::v1_0, "", "7"), "MESSAGE\nmessage-id:7\n") << "1.0 may subscribe without id";
}

TEST(StompWrite, ABodyMayHaveAnything) {
    EXPECT_EQ(message_tail(version::v1_2, "/q", "", {}, ""), "destination:/q\ncontent-length:0\n\n\0"s);
    EXPECT_EQ(message_tail(version::v1_2, "/q", "", {}, "a\0\r\nb"s), "destination:/q\ncontent-length:5\n\na\0\r\nb\0"s);
}

TEST(StompWrite, ReceiptAndError) {
    EXPECT_EQ(receipt(version::v1_2, "r:1"), "RECEIPT\nreceipt-id:r\\c1\n\n\0"s);
    EXPECT_EQ(error(version::v1_2, "no: a\nb"), "ERROR\nmessage:no\\c a\\nb\ncontent-length:0\n\n\0"s);
    EXPECT_EQ(error(version::v1_1, "no", "77", "why not"),
              "ERROR\nmessage:no\nreceipt-id:77\ncontent-type:text/plain\ncontent-length:7\n\nwhy not\0"s);
    EXPECT_EQ(error(version::v1_2, "no", {}, "[1]", headers{{"content-type", "application/json"}}),
              "ERROR\nmessage:no\ncontent-type:application/json\ncontent-length:3\n\n[1]\0"s);
    EXPECT_EQ(error(version::v1_2, "none", {}, {}, headers{{"version", std::string(supported_versions)}, {"message", "x"}}),
              "ERROR\nmessage:none\nversion:1.0,1.1,1.2\ncontent-length:0\n\n\0"s);
}

TEST(StompWrite, EscapesWhatTheVersionHasAnEscapeFor) {
    const auto text = "a:b\\c\nd\re\0f张"s;
    const auto escaped = [&](version v) {
        std::string out;
        append_escaped(out, v, text);
        return out;
    };
    EXPECT_EQ(escaped(version::v1_2), "a\\cb\\\\c\\nd\\re f张");
    EXPECT_EQ(escaped(version::v1_1), "a\\cb\\\\c\\nd e f张");
    EXPECT_EQ(escaped(version::v1_0), "a:b\\c d e f张");
}

TEST(StompWrite, ANameThatCantBeWrittenIsLeftOut) {
    const headers custom = {{"a:b", "1"}, {"c\nd", "2"}, {"e\rf", "3"}, {"g\0h"s, "4"}, {"", "5"}, {"ok", "x\ny:z"}};
    const auto tail = [&](version v) { return message_tail(v, "/q", "", custom, ""); };
    EXPECT_EQ(tail(version::v1_2), "destination:/q\na\\cb:1\nc\\nd:2\ne\\rf:3\nok:x\\ny\\cz\ncontent-length:0\n\n\0"s);
    EXPECT_EQ(tail(version::v1_1), "destination:/q\na\\cb:1\nc\\nd:2\nok:x\\ny\\cz\ncontent-length:0\n\n\0"s);
    EXPECT_EQ(tail(version::v1_0), "destination:/q\nok:x y:z\ncontent-length:0\n\n\0"s);
}

}  // namespace
}  // namespace wsidecar::proto::stomp
