#include "proto/trace/otlp.hpp"

#include <charconv>

#include "proto/json/json_scan.hpp"
#include "proto/text/utf8.hpp"

namespace wsidecar::proto {
namespace {

constexpr int status_error = 2;  // trace.proto, Status.StatusCode

void member(std::string& out, const char* key, std::string_view value) {
    out.append(1, '"').append(key).append("\":");
    json_quote(out, utf8_or_marks(value));
}

void attribute(std::string& out, const char* key, const span::value& v) {
    out += '{';
    member(out, "key", key);
    out += R"(,"value":{)";
    if (const auto* text = std::get_if<std::string>(&v)) {
        member(out, "stringValue", *text);
    } else {
        member(out, "intValue", std::to_string(std::get<std::int64_t>(v)));
    }
    out += "}}";
}

std::string nanoseconds(std::chrono::system_clock::time_point t) {
    return std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(t.time_since_epoch()).count());
}

unsigned flags_of(std::string_view context) {
    unsigned flags = 0;
    std::from_chars(context.data() + 53, context.data() + 55, flags, 16);
    return flags;
}

void one(std::string& out, const span& s) {
    const std::string_view context = s.context;
    out += '{';
    member(out, "traceId", context.substr(3, 32));
    out += ',';
    member(out, "spanId", context.substr(36, 16));
    if (!s.parent.empty()) {
        out += ',';
        member(out, "parentSpanId", s.parent);
    }
    out += R"(,"flags":)" + std::to_string(flags_of(context)) + ',';
    member(out, "name", s.name);
    out += R"(,"kind":)" + std::to_string(static_cast<int>(s.kind)) + ',';
    member(out, "startTimeUnixNano", nanoseconds(s.start));
    out += ',';
    member(out, "endTimeUnixNano", nanoseconds(s.end));
    out += R"(,"attributes":[)";
    for (std::size_t i = 0; i < s.attributes.size(); ++i) {
        out += i == 0 ? "" : ",";
        attribute(out, s.attributes[i].first, s.attributes[i].second);
    }
    out += ']';
    if (!s.error.empty()) {
        out += R"(,"status":{"code":)" + std::to_string(status_error) + ',';
        member(out, "message", s.error);
        out += '}';
    }
    out += '}';
}

}  // namespace

std::string encode_spans(const span_resource& of, const std::vector<span>& spans) {
    std::string out = R"({"resourceSpans":[{"resource":{"attributes":[)";
    attribute(out, "service.name", of.service);
    out += ',';
    attribute(out, "service.instance.id", of.instance);
    out += ',';
    attribute(out, "service.version", of.version);
    out += R"(]},"scopeSpans":[{"scope":{"name":"wsidecar",)";
    member(out, "version", of.version);
    out += R"(},"spans":[)";
    for (std::size_t i = 0; i < spans.size(); ++i) {
        out += i == 0 ? "" : ",";
        one(out, spans[i]);
    }
    return out + "]}]}]}";
}

}  // namespace wsidecar::proto
