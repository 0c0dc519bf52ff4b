#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace wsidecar::proto {

/// Values as OTLP numbers them (opentelemetry/proto/trace/v1/trace.proto, Span.SpanKind).
enum class span_kind : std::uint8_t { server = 2, client = 3, consumer = 5 };

/// One finished piece of work of a trace. Holds no payload and no user's name, only what a log line may say too.
struct span {
    using value = std::variant<std::string, std::int64_t>;

    std::string context;  ///< its own traceparent: trace id, span id, flags
    std::string parent;   ///< span id of the parent, 16 hex digits; empty: a root
    span_kind kind = span_kind::server;
    std::string name;  ///< of few values: a method and a route, never a path
    std::chrono::system_clock::time_point start;
    std::chrono::system_clock::time_point end;
    /// Names of OpenTelemetry's semantic conventions where they have one, static.
    std::vector<std::pair<const char*, value>> attributes;
    std::string error;  ///< what went wrong, a word; empty: nothing

    void set(const char* key, const value& v) { attributes.emplace_back(key, v); }
};

/// Who the spans are of: the resource's attributes.
struct span_resource {
    std::string service;   ///< service.name
    std::string instance;  ///< service.instance.id
    std::string version;   ///< service.version
};

/// The body of POST /v1/traces (OTLP 1.x over HTTP, JSON encoding: ids as hex, 64-bit integers as strings).
/// `spans` have valid contexts.
std::string encode_spans(const span_resource& of, const std::vector<span>& spans);

}  // namespace wsidecar::proto
