#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "proto/trace/otlp.hpp"
#include "sidecar/core/metrics.hpp"

namespace wsidecar::core {

/// A span that has not ended; null if none is recorded.
using span_ptr = std::shared_ptr<proto::span>;

/// Decides which traces are recorded, and keeps finished spans until take(). It does no I/O. Callers check on() first, so that tracing
/// costs one branch while it is off (tracing.otlp empty). Event loop only.
class tracer {
public:
    using wall_time = std::chrono::system_clock::time_point;

    static constexpr std::size_t batch = 512;           ///< number of spans in one export request
    static constexpr std::size_t capacity = 4 * batch;  ///< further spans are dropped and counted

    explicit tracer(metrics& m) : dropped_(m.spans_dropped.at({"queue"})) {}

    /// Applies the configuration. Queued spans are kept.
    void configure(const config::tracing& c);
    bool on() const { return on_; }

    /// Starts work below `parent`, a traceparent. If that is empty or invalid, the work is a root and tracing.sample decides. Sets `context`
    /// to the traceparent of the work. Returns its span, or null if the trace is not sampled.
    span_ptr start(proto::span_kind kind, std::string_view parent, std::string name, wall_time now, std::string& context) const;
    /// As start(), below a parent from an untrusted client. Of the traces that it wants recorded, the share tracing.sample is. The decision
    /// uses our own random number, because the client also chose the trace id (W3C Trace Context, section 7.2 "Denial of service").
    span_ptr start_below_stranger(proto::span_kind kind, std::string_view parent, std::string name, wall_time now,
                                  std::string& context) const;
    /// Ends a span and queues it. `s` must not be null.
    void finish(const span_ptr& s, wall_time now);

    /// Removes and returns the oldest spans, at most `batch`.
    std::vector<proto::span> take();
    bool empty() const { return queue_.empty(); }
    /// Called when a whole batch is queued. May be empty.
    std::function<void()> on_batch;

private:
    bool sampled(std::string_view trace_id) const;

    bool on_ = false;
    double ratio_ = 0;
    double& dropped_;
    std::deque<proto::span> queue_;
};

}  // namespace wsidecar::core
