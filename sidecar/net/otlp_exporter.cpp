#include "sidecar/net/otlp_exporter.hpp"

#include <utility>

#include "sidecar/core/log.hpp"

namespace wsidecar::net {

using namespace std::chrono_literals;
using core::app_failure;

namespace {

constexpr auto period = 1s;
constexpr auto last_words = 1s;
constexpr auto time_allowed = 5s;

app_options options_for(const std::string& url) {
    app_options o;
    o.url = url;
    o.timeout = time_allowed;
    o.concurrency = 1;
    o.max_answer = 64 * 1024;
    o.quiet = true;
    return o;
}

const char* word_for(app_failure f) {
    switch (f) {
        case app_failure::unreached:
        case app_failure::unsent: return "unreached";
        case app_failure::timeout: return "timeout";
        case app_failure::cut:
        case app_failure::too_big: return "cut";
        case app_failure::none: break;
    }
    return "refused";
}

}  // namespace

otlp_exporter::otlp_exporter(boost::asio::io_context& loop, core::tracer& spans, core::timer_port& timers, core::metrics& m,
                             std::string instance)
    : loop_(loop), spans_(spans), timers_(timers), metrics_(m), resource_{"", std::move(instance), WSIDECAR_VERSION} {
    // The timer sends the batch, because the tracer's caller may be in the middle of other work.
    spans_.on_batch = [this] {
        if (collector_ && !in_flight_ && !again_) {
            ticking_ = timers_.after(0ms, [this] { tick(); });
        }
    };
}

void otlp_exporter::configure(const config::tracing& c) {
    resource_.service = c.service;
    if (c.otlp == url_) {
        return;
    }
    url_ = c.otlp;
    if (url_.empty()) {
        stop();
        return;
    }
    if (collector_) {
        collector_->configure(options_for(url_));
    } else {
        collector_.emplace(loop_, options_for(url_));
    }
    ticking_ = timers_.after(period, [this] { tick(); });
}

void otlp_exporter::stop() {
    ticking_.reset();
    patience_.reset();
    on_flushed_ = nullptr;
    collector_.reset();
    in_flight_ = again_ = false;
    size_ = 0;
}

void otlp_exporter::tick() {
    ticking_ = timers_.after(period, [this] { tick(); });
    send();
}

void otlp_exporter::send() {
    if (!collector_ || in_flight_) {
        return;
    }
    if (size_ == 0) {
        const auto batch = spans_.take();
        if (batch.empty()) {
            flushed();
            return;
        }
        size_ = batch.size();
        body_ = proto::encode_spans(resource_, batch);
    }
    in_flight_ = true;
    core::app_request r;
    r.target = "/v1/traces";
    r.headers = "Content-Type: application/json\r\nUser-Agent: wsidecar/" WSIDECAR_VERSION "\r\n";
    r.body = again_ ? std::move(body_) : body_;
    collector_->send(std::move(r), [this](const core::app_answer& a) { on_answer(a); });
}

void otlp_exporter::on_answer(const core::app_answer& a) {
    in_flight_ = false;
    const bool taken = a.failure == app_failure::none && a.status / 100 == 2;
    const bool overloaded = a.status == 429 || a.status == 502 || a.status == 503 || a.status == 504;
    if (!taken && !again_ && (a.failure != app_failure::none || overloaded)) {
        again_ = true;  // with the next tick
        return;
    }
    again_ = false;
    const std::size_t spans = std::exchange(size_, 0);
    if (!taken) {
        given_up(spans, a);
        return;
    }
    metrics_.spans_exported.value() += static_cast<double>(spans);
    if (on_flushed_ || spans == core::tracer::batch) {
        send();  // there may be more than a batch
    }
}

void otlp_exporter::given_up(std::size_t spans, const core::app_answer& a) {
    metrics_.spans_dropped.at({"collector"}) += static_cast<double>(spans);
    core::log::limited(core::log::level::warn, "tracing", "the collector did not take spans: they are dropped",
                       {{"url", url_}, {"cause", word_for(a.failure)}, {"status", a.status}, {"spans", spans}});
    flushed();  // one that is away will not take the rest either
}

void otlp_exporter::flush(std::function<void()> done) {
    if (!collector_ || (spans_.empty() && size_ == 0)) {
        done();
        return;
    }
    on_flushed_ = std::move(done);
    patience_ = timers_.after(last_words, [this] { flushed(); });
    send();
}

void otlp_exporter::flushed() {
    patience_.reset();
    if (const auto done = std::exchange(on_flushed_, nullptr)) {
        done();
    }
}

}  // namespace wsidecar::net
