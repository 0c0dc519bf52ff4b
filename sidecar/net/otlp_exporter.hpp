#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "proto/trace/otlp.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/core/tracer.hpp"
#include "sidecar/net/app_client.hpp"

namespace wsidecar::net {

/// Sends the tracer's spans to a collector: POST {url}/v1/traces, OTLP/HTTP with JSON. A batch each second or at 512 spans,
/// one request at a time, 5 s for it, once more if it failed, then dropped and counted. Plain HTTP: a collector in the pod
/// or on the node takes them further. Runs on the event loop, as long as the gateway whose tracer it empties.
class otlp_exporter {
public:
    otlp_exporter(boost::asio::io_context& loop, core::tracer& spans, core::timer_port& timers, core::metrics& m,
                  std::string instance);

    /// Starts, changes or ends the export. The URL is valid: configuration, checked before.
    void configure(const config::tracing& c);
    /// Sends what is left, then calls `done`; at most a second later in any case, at once when there is nothing.
    void flush(std::function<void()> done);
    /// No callback runs any more.
    void stop();

private:
    void tick();
    void send();
    void on_answer(const core::app_answer& a);
    void given_up(std::size_t spans, const core::app_answer& a);
    void flushed();

    boost::asio::io_context& loop_;
    core::tracer& spans_;
    core::timer_port& timers_;
    core::metrics& metrics_;
    proto::span_resource resource_;
    std::string url_;
    std::optional<app_client> collector_;
    std::string body_;      ///< of the batch that is out, or waits for its second try
    std::size_t size_ = 0;  ///< its spans; 0: there is none
    bool in_flight_ = false;
    bool again_ = false;  ///< it has failed once
    core::timer_port::handle ticking_;
    core::timer_port::handle patience_;
    std::function<void()> on_flushed_;
};

}  // namespace wsidecar::net
