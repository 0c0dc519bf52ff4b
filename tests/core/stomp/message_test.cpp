#include "sidecar/core/stomp/message.hpp"

#include <gtest/gtest.h>

namespace wsidecar::core {
namespace {

subscription of(const std::string& id, subscription::ack_mode ack = subscription::ack_mode::automatic) {
    subscription s;
    s.id = id;
    s.ack = ack;
    s.destination = s.key = "/topic/a";
    return s;
}

struct StompMessage : testing::Test {
    StompMessage() {
        push.kind = proto::payload_kind::text;
        push.payload = R"({"a":1})";
        push.headers = {{"type", "created"}};
    }
    proto::envelope push;
    static constexpr auto v12 = proto::stomp::version::v1_2;
};

TEST_F(StompMessage, SubscribersWithTheSameIdShareOneFrame) {
    stomp_message m(push, "pod-1", 7);
    const auto a = m.frame_for(of("sub-0"), v12, "/topic/a");
    EXPECT_EQ(a, m.frame_for(of("sub-0"), v12, "/topic/a"));
    EXPECT_NE(a, m.frame_for(of("sub-1"), v12, "/topic/a"));
    EXPECT_NE(a, m.frame_for(of("sub-0"), proto::stomp::version::v1_1, "/topic/a"));
    EXPECT_NE(a, m.frame_for(of("sub-0", subscription::ack_mode::client), v12, "/topic/a"));
    EXPECT_EQ(a, m.frame_for(of("sub-0"), v12, "/topic/a"));
}

TEST_F(StompMessage, HasWhatTheFrameNeeds) {
    stomp_message m(push, "pod-1", 7);
    const auto text = std::string(m.frame_for(of("s", subscription::ack_mode::client), v12, "/topic/a")->payload());
    for (const char* line :
         {"MESSAGE\n", "\nsubscription:s\n", "\nmessage-id:7-pod-1\n", "\nack:7-s\n", "\ndestination:/topic/a\n",
          "\ncontent-type:application/json\n", "\ntype:created\n", "\ncontent-length:7\n"}) {
        EXPECT_NE(("\n" + text).find(line), std::string::npos) << line << " in " << text;
    }
    EXPECT_TRUE(text.ends_with("\n\n{\"a\":1}" + std::string(1, '\0')));
    EXPECT_EQ(message_number("7-s"), 7U);
    EXPECT_EQ(message_number("seven"), 0U);
}

TEST_F(StompMessage, AContentTypeOfOurOwnHasNoSpaceThatSomeClientsStumbleOver) {
    push.payload = "plain";
    stomp_message m(push, "pod-1", 7);
    EXPECT_NE(m.frame_for(of("s"), v12, "/topic/a")->payload().find("\ncontent-type:text/plain;charset=utf-8\n"),
              std::string_view::npos);
}

TEST_F(StompMessage, AUsersOwnDestinationIsShownAsItSubscribed) {
    stomp_message m(push, "pod-1", 1);
    auto s = of("1");
    s.what = subscription::kind::own;
    s.destination = "/me/queue/n";
    s.key = "/user/queue/n";
    EXPECT_NE(m.frame_for(s, v12, "/queue/n")->payload().find("\ndestination:/me/queue/n\n"), std::string_view::npos);
}

TEST_F(StompMessage, ManyIdsAreAllServed) {
    stomp_message m(push, "pod-1", 1);
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 100; ++i) {
            const auto id = "sub-" + std::to_string(i);
            EXPECT_NE(m.frame_for(of(id), v12, "/topic/a")->payload().find("\nsubscription:" + id + "\n"),
                      std::string_view::npos);
        }
    }
}

}  // namespace
}  // namespace wsidecar::core
