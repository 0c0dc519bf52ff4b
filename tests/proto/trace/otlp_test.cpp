#include "proto/trace/otlp.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace wsidecar::proto {
namespace {

span some_span() {
    span s;
    s.context = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03";
    s.parent = "53995c3f42cd8ad8";
    s.kind = span_kind::client;
    s.name = "POST /ws/\"{x}\"";
    s.start = std::chrono::system_clock::time_point(std::chrono::microseconds(1'795'000'000'000'001));
    s.end = s.start + std::chrono::milliseconds(2);
    s.set("url.path", "/ws/\x01");
    s.set("http.response.status_code", 204);
    return s;
}

TEST(Otlp, ASpanIsWrittenAsTheJsonEncodingSays) {
    auto failed = some_span();
    failed.parent.clear();
    failed.error = "timeout";
    const auto v = boost::json::parse(encode_spans({"shop", "pod-1", "1.2"}, {some_span(), failed}));
    const auto& resource = v.at_pointer("/resourceSpans/0/resource/attributes");
    EXPECT_EQ(resource.at(0).at("key"), "service.name");
    EXPECT_EQ(resource.at(0).at("value").at("stringValue"), "shop");
    EXPECT_EQ(resource.at(1).at("value").at("stringValue"), "pod-1");
    const auto& spans = v.at_pointer("/resourceSpans/0/scopeSpans/0/spans").as_array();
    ASSERT_EQ(spans.size(), 2U);
    const auto& s = spans[0];
    EXPECT_EQ(s.at("traceId"), "4bf92f3577b34da6a3ce929d0e0e4736") << "hex, not base64";
    EXPECT_EQ(s.at("spanId"), "00f067aa0ba902b7");
    EXPECT_EQ(s.at("parentSpanId"), "53995c3f42cd8ad8");
    EXPECT_EQ(s.at("flags"), 3);
    EXPECT_EQ(s.at("kind"), 3);
    EXPECT_EQ(s.at("name"), "POST /ws/\"{x}\"");
    EXPECT_EQ(s.at("startTimeUnixNano"), "1795000000000001000") << "a 64-bit number is a string";
    EXPECT_EQ(s.at("endTimeUnixNano"), "1795000000002001000");
    EXPECT_EQ(s.at("attributes").at(0).at("value").at("stringValue"), "/ws/\x01");
    EXPECT_EQ(s.at("attributes").at(1).at("value").at("intValue"), "204");
    EXPECT_FALSE(s.as_object().contains("status"));
    EXPECT_FALSE(spans[1].as_object().contains("parentSpanId")) << "a root has none";
    EXPECT_EQ(spans[1].at("status").at("code"), 2);
    EXPECT_EQ(spans[1].at("status").at("message"), "timeout");
}

}  // namespace
}  // namespace wsidecar::proto
