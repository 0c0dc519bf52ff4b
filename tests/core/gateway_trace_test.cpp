#include "proto/trace/traceparent.hpp"
#include "tests/core/gateway_house.hpp"

namespace wsidecar::core {
namespace {
using namespace std::chrono_literals;

const std::string above = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

struct GatewayTrace : testing::Test, gateway_house {
    fake_session s;
    GatewayTrace() { trace(1); }

    void trace(double share, const char* collector = "http://127.0.0.1:4318") {
        settings.tracing.otlp = collector;
        settings.tracing.sample = share;
        gate->reconfigured();
    }
    connection_ptr begin_below(const std::string& traceparent) {
        handshake h;
        h.route = &settings.routes[0];
        h.target = "/ws/7?token=secret";
        h.path = "/ws/7";
        h.traceparent = traceparent;
        return gate->open(std::move(h), [this](handshake_verdict v) { verdict = std::move(v); });
    }
    static std::string text(const proto::span& span, std::string_view key) {
        for (const auto& [k, v] : span.attributes) {
            if (k == key) {
                const auto* t = std::get_if<std::string>(&v);
                return t ? *t : std::to_string(std::get<std::int64_t>(v));
            }
        }
        return "";
    }
    static std::string id(const proto::span& span) { return span.context.substr(36, 16); }
};

TEST_F(GatewayTrace, TheConnectEventIsBelowTheHandshakeWhichIsBelowTheClient) {
    begin_below(above);
    const std::string told = app.front().header("traceparent");
    pass(5ms);
    answer(answered(204));
    pass(7ms);
    grant();
    const auto spans = gate->spans().take();
    ASSERT_EQ(spans.size(), 2U);
    const auto &event = spans[0], &handshake = spans[1];
    EXPECT_EQ(handshake.parent, "00f067aa0ba902b7");
    EXPECT_EQ(event.parent, id(handshake));
    EXPECT_EQ(told, event.context) << "the app's parent is the event's span";
    EXPECT_EQ(told.substr(3, 32), above.substr(3, 32));
    EXPECT_EQ(handshake.end - handshake.start, 12ms);
    EXPECT_EQ(event.end - event.start, 5ms);
    EXPECT_EQ(handshake.name, "GET /ws/{table}");
    EXPECT_EQ(text(handshake, "http.response.status_code"), "101");
    EXPECT_EQ(text(event, "cloudevents.event_type"), "wsidecar.connect");
    EXPECT_EQ(text(event, "url.path"), "/ws/7") << "no query: it may hold a token";
    EXPECT_TRUE(event.error.empty());
}

TEST_F(GatewayTrace, WhatIsNotSampledSaysSoToTheApp) {
    begin_below(above.substr(0, 53) + "00");
    EXPECT_TRUE(app.front().header("traceparent").starts_with(above.substr(0, 36)));
    EXPECT_TRUE(app.front().header("traceparent").ends_with("-00"));
    answer(answered(204));
    grant();
    trace(0);
    const auto c = begin();
    EXPECT_TRUE(app.front().header("traceparent").ends_with("-00"));
    EXPECT_TRUE(gate->spans().empty());
}

TEST_F(GatewayTrace, OffMakesNoSpansAndKeepsTheTraces) {
    trace(1, "");
    begin_below(above);
    const std::string told = app.front().header("traceparent");
    EXPECT_TRUE(told.starts_with(above.substr(0, 36)) && told.ends_with("-01"));
    answer(answered(204));
    grant();
    gate->message(*verdict->conn, true, "hi");
    EXPECT_TRUE(proto::valid_traceparent(app.front().header("traceparent")));
    EXPECT_TRUE(gate->spans().empty());
}

TEST_F(GatewayTrace, ARefusedHandshakeIsToldWithItsStatus) {
    begin();
    answer(answered(503));
    auto spans = gate->spans().take();
    ASSERT_EQ(spans.size(), 2U);
    EXPECT_EQ(text(spans[0], "error.type"), "503");
    EXPECT_EQ(text(spans[1], "http.response.status_code"), "503");
    EXPECT_EQ(spans[1].error, "app_refused");
    begin();
    answer(answered(401));
    spans = gate->spans().take();
    EXPECT_TRUE(spans.at(1).error.empty()) << "a server that says 401 has done nothing wrong";
}

TEST_F(GatewayTrace, AnEventHasOneSpanForAllItsAttempts) {
    const auto c = connect(s);
    (void)gate->spans().take();
    gate->message(*c, true, "very secret");
    const std::string told = app.front().header("traceparent");
    answer(failed(app_failure::unreached));
    pass(6s);
    ASSERT_EQ(app.size(), 1U);
    EXPECT_EQ(app.front().header("traceparent"), told);
    answer(answered(200));
    const auto spans = gate->spans().take();
    ASSERT_EQ(spans.size(), 1U);
    EXPECT_EQ(spans[0].context, told);
    EXPECT_EQ(spans[0].parent, "") << "each later event starts a trace of its own";
    EXPECT_EQ(text(spans[0], "http.request.resend_count"), "1");
    EXPECT_EQ(text(spans[0], "http.response.status_code"), "200");
    for (const auto& [key, value] : spans[0].attributes) {
        EXPECT_EQ(text(spans[0], key).find("secret"), std::string::npos) << key;
    }
}

TEST_F(GatewayTrace, AListPushIsASpanFromItsArrivalToItsConfirmation) {
    const auto c = connect(s, {{"Ws-User", "alice"}});
    (void)gate->spans().take();
    proto::envelope e;
    e.to.users = {"alice"};
    e.kind = proto::payload_kind::text;
    e.payload = "hello";
    e.id = "o-7";
    e.traceparent = above;
    gate->on_push(e, {16});
    EXPECT_TRUE(gate->spans().empty());
    pass(30ms);
    gate->confirmed(*c, s.sent[0].second);
    const auto spans = gate->spans().take();
    ASSERT_EQ(spans.size(), 1U);
    EXPECT_EQ(spans[0].kind, proto::span_kind::consumer);
    EXPECT_EQ(spans[0].parent, "00f067aa0ba902b7");
    EXPECT_EQ(spans[0].end - spans[0].start, 30ms);
    EXPECT_EQ(text(spans[0], "messaging.message.id"), "o-7");
    EXPECT_EQ(text(spans[0], "messaging.message.body.size"), "5");
    EXPECT_EQ(text(spans[0], "wsidecar.connections"), "1");
    EXPECT_EQ(spans[0].error, "");
}

TEST_F(GatewayTrace, APushThatEndsOtherwiseSaysHow) {
    const auto c = connect(s, {{"Ws-User", "alice"}});
    (void)gate->spans().take();
    proto::envelope e;
    e.to.users = {"alice"};
    e.kind = proto::payload_kind::text;
    e.traceparent = above;
    gate->on_push(e, {16});
    gate->closed(*c, 1006, "", close_cause::lost);
    EXPECT_EQ(gate->spans().take().at(0).error, "no_connection");
    e.ttl = 5;
    e.time = wall() - 6s;
    gate->on_push(e, {17});
    EXPECT_EQ(gate->spans().take().at(0).error, "expired");
    e.ttl.reset();
    gate->on_push(e, {});
    EXPECT_TRUE(gate->spans().empty()) << "a channel's push that is for nobody here is another pod's";
}

}  // namespace
}  // namespace wsidecar::core
