#include "sidecar/core/connect_advice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wsidecar::core {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

app_answer answer(unsigned status, field_list headers = {}, std::string body = {}) {
    app_answer a;
    a.status = status;
    a.headers = std::move(headers);
    a.body = std::move(body);
    return a;
}

TEST(ConnectAdvice, OrdinaryAnswersNeedNone) {
    EXPECT_EQ(connect_advice("/ws", answer(204)), "");
    EXPECT_EQ(connect_advice("/ws", answer(200, {{"Content-Type", "text/plain"}}, "hello")), "");
    EXPECT_EQ(connect_advice("/ws", answer(200, {{"Content-Type", "application/json"}}, "{}")), "");
    EXPECT_EQ(connect_advice("/ws", answer(410)), "");
    EXPECT_EQ(connect_advice("/ws", answer(429)), "");
}

TEST(ConnectAdvice, ARedirectNamesItsPlaceWithoutTheQuery) {
    EXPECT_THAT(connect_advice("/ws/{id}", answer(302, {{"location", "http://h/login?token=SECRET"}})),
                AllOf(HasSubstr("POST /ws/{id}"), HasSubstr("302"), HasSubstr("http://h/login."), HasSubstr("login page"),
                      Not(HasSubstr("SECRET"))));
    EXPECT_THAT(connect_advice("/ws", answer(307)), HasSubstr("307"));
}

TEST(ConnectAdvice, ACsrfPageIsTold) {
    const std::string page = R"({"status":403,"error":"Forbidden","message":"Invalid CSRF Token 'null' was found"})";
    EXPECT_THAT(connect_advice("/ws", answer(403, {}, page)),
                AllOf(HasSubstr("CSRF protection refuses"), HasSubstr("ignoringRequestMatchers")));
    EXPECT_THAT(connect_advice("/ws", answer(403, {}, "Forbidden")), AllOf(HasSubstr("either CSRF"), HasSubstr("not allowed")));
    EXPECT_THAT(connect_advice("/ws", answer(403, {}, std::string(5000, 'x') + "csrf")), HasSubstr("either CSRF"))
        << "only the beginning is looked at";
}

TEST(ConnectAdvice, AMissingHandlerSaysWhatToAdd) {
    for (const unsigned status : {404U, 405U}) {
        EXPECT_THAT(connect_advice("/ws/{id}", answer(status)),
                    AllOf(HasSubstr("add POST /ws/{id} to the app"), HasSubstr("events")));
    }
    EXPECT_THAT(connect_advice("/ws", answer(405)), HasSubstr("WebSocketHandler"));
}

TEST(ConnectAdvice, APageIsNoFirstMessage) {
    const field_list html{{"Content-Type", "text/html;charset=UTF-8"}};
    EXPECT_THAT(connect_advice("/ws", answer(200, html, "\n<!DOCTYPE html><html>login</html>")), HasSubstr("HTML page"));
    EXPECT_THAT(connect_advice("/ws", answer(200, html, "<HTML>")), HasSubstr("HTML page"));
    EXPECT_EQ(connect_advice("/ws", answer(200, html, "<b>hello</b>")), "");
}

TEST(ConnectAdvice, FailuresPointToTheAppsLog) {
    EXPECT_THAT(connect_advice("/ws", answer(500)), AllOf(HasSubstr("500"), HasSubstr("log")));
    EXPECT_THAT(connect_advice("/ws", answer(401)), AllOf(HasSubstr("401"), HasSubstr("forward_headers")));
}

}  // namespace
}  // namespace wsidecar::core
