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

/// A span under way; null where none is recorded.
using span_ptr = std::shared_ptr<proto::span>;

/// Decides which traces are recorded and keeps finished spans until somebody takes them. No input or output of its own.
/// Off (tracing.otlp empty): whoever asks on() first pays one branch.
class tracer {
public:
    using wall_time = std::chrono::system_clock::time_point;

    static constexpr std::size_t batch = 512;           ///< worth sending at once
    static constexpr std::size_t capacity = 4 * batch;  ///< beyond it spans are dropped and counted

    explicit tracer(metrics& m) : dropped_(m.spans_dropped.at({"queue"})) {}

    /// What is in the queue stays there.
    void configure(const config::tracing& c);
    bool on() const { return on_; }

    /// Makes `context` the traceparent of new work below `parent` (a traceparent; empty or invalid: the work is a root, and
    /// tracing.sample decides). Its span, or null when the trace is not sampled.
    span_ptr start(proto::span_kind kind, std::string_view parent, std::string name, wall_time now, std::string& context) const;
    /// The same below a parent that a stranger wrote: of what it wants recorded tracing.sample is, by a die of our own, because the
    /// trace id is the stranger's, too (W3C Trace Context, section 7.2 "Denial of service").
    span_ptr start_below_stranger(proto::span_kind kind, std::string_view parent, std::string name, wall_time now,
                                  std::string& context) const;
    /// Queues it. `s` is not null.
    void finish(const span_ptr& s, wall_time now);

    /// The oldest ones, at most a batch.
    std::vector<proto::span> take();
    bool empty() const { return queue_.empty(); }
    /// Called when a batch is there; may be empty.
    std::function<void()> on_batch;

private:
    bool sampled(std::string_view trace_id) const;

    bool on_ = false;
    double ratio_ = 0;
    double& dropped_;
    std::deque<proto::span> queue_;
};

}  // namespace wsidecar::core
