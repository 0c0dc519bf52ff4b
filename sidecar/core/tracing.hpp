#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "sidecar/core/handshake.hpp"
#include "sidecar/core/tracer.hpp"

namespace wsidecar::proto {
struct event_head;
}  // namespace wsidecar::proto

namespace wsidecar::core {

/// Records the gateway's work as spans (tracing.otlp). Attributes follow OpenTelemetry's semantic conventions where these define one, and
/// never contain a payload, a query, a header or a user's name. Event loop only.
class tracing {
public:
    tracing(const config::config& c, metrics& m, timer_port& timers) : config_(c), timers_(timers), spans_(m) {
        spans_.configure(c.tracing);
    }

    tracer& spans() { return spans_; }
    bool on() const { return spans_.on(); }
    void reconfigured() { spans_.configure(config_.tracing); }

    std::function<void(handshake_verdict)> handshake(const connection& c, std::string& traceparent, bool trusted,
                                                     std::function<void(handshake_verdict)> done);
    span_ptr event(const connection& c, std::string_view parent, const app_request& request, proto::event_head& head);
    void end_event(span_ptr s, unsigned status, unsigned attempts, const char* error);
    span_ptr push(const proto::envelope& push, const push_origin& from);
    void end_push(span_ptr s, std::size_t connections, const char* error);

private:
    const config::config& config_;
    timer_port& timers_;
    tracer spans_;
};

}  // namespace wsidecar::core
