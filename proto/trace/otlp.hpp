#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace wsidecar::proto {

/// The numbers are those of OTLP (opentelemetry/proto/trace/v1/trace.proto, Span.SpanKind).
enum class span_kind : std::uint8_t { server = 2, client = 3, consumer = 5 };

/// One finished part of a trace. It contains no payload and no user name, only what may also be in a log line.
struct span {
    using value = std::variant<std::string, std::int64_t>;

    std::string context;  ///< its own traceparent: trace id, span id, flags
    std::string parent;   ///< span id of the parent, 16 hexadecimal digits; empty for a root span
    span_kind kind = span_kind::server;
    std::string name;  ///< one of few values: a method and a route, never a path
    std::chrono::system_clock::time_point start;
    std::chrono::system_clock::time_point end;
    /// Names are static, and from OpenTelemetry's semantic conventions if there is one.
    std::vector<std::pair<const char*, value>> attributes;
    std::string error;  ///< one word; empty if there was no error

    void set(const char* key, const value& v) { attributes.emplace_back(key, v); }
};

/// The attributes of the resource that the spans belong to.
struct span_resource {
    std::string service;   ///< service.name
    std::string instance;  ///< service.instance.id
    std::string version;   ///< service.version
};

/// The body of POST /v1/traces (OTLP 1.x over HTTP, JSON encoding: ids as hex, 64-bit integers as strings).
/// `spans` have valid contexts.
std::string encode_spans(const span_resource& of, const std::vector<span>& spans);

}  // namespace wsidecar::proto
