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

/// Exports the tracer's spans to a collector by OTLP/HTTP with JSON (POST {url}/v1/traces). It sends a batch each second or at 512 spans, one
/// request at a time, each with 5 s. A failed batch is sent once more, then dropped and counted. It uses plain HTTP, for a collector in the
/// pod or on the node. Event loop only; the gateway that owns the tracer must outlive it.
class otlp_exporter {
public:
    otlp_exporter(boost::asio::io_context& loop, core::tracer& spans, core::timer_port& timers, core::metrics& m,
                  std::string instance);

    /// Starts, changes or ends the export. The validation of the configuration guarantees a valid URL.
    void configure(const config::tracing& c);
    /// Sends the remaining spans and then calls `done`, after 1 s at the latest and at once if there are none.
    void flush(std::function<void()> done);
    /// Stops the export. No callback runs afterwards.
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
