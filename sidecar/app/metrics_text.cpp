#include "sidecar/app/metrics_text.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>

namespace wsidecar::app {
namespace {

/// The same on every sample: services that are scraped as one job are told apart by it.
void name_service(prometheus::ClientMetric& m, const std::string& prefix) {
    if (!prefix.empty()) {
        m.label.push_back({"prefix", prefix});
    }
}

prometheus::MetricFamily convert(const core::family& f, const std::string& service) {
    prometheus::MetricFamily out;
    const bool counter = f.kind() == core::metric_kind::counter;
    out.name = f.name();
    out.help = f.help();
    out.type = counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    const auto add = [&](const std::vector<std::string>& values, double v) {
        prometheus::ClientMetric m;
        for (std::size_t i = 0; i < values.size(); ++i) {
            m.label.push_back({f.labels()[i], values[i]});
        }
        name_service(m, service);
        if (counter) {
            m.counter.value = v;
        } else {
            m.gauge.value = v;
        }
        out.metric.push_back(std::move(m));
    };
    if (f.samples().empty() && f.labels().empty()) {
        add({}, 0);  // a metric that was never touched is 0, not absent: alerts rely on it
    }
    for (const auto& [values, v] : f.samples()) {
        add(values, v);
    }
    return out;
}

prometheus::MetricFamily convert(const core::histogram& h, const std::string& service) {
    prometheus::MetricFamily out;
    out.name = h.name();
    out.help = h.help();
    out.type = prometheus::MetricType::Histogram;
    prometheus::ClientMetric m;
    name_service(m, service);
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < h.buckets().size(); ++i) {
        below += h.buckets()[i];
        const bool last = i == h.bounds().size();
        m.histogram.bucket.push_back({below, last ? std::numeric_limits<double>::infinity() : h.bounds()[i]});
    }
    m.histogram.sample_count = h.count();
    m.histogram.sample_sum = h.sum();
    out.metric.push_back(std::move(m));
    return out;
}

}  // namespace

std::string metrics_text(const core::metrics& m) {
    std::vector<prometheus::MetricFamily> all;
    for (const auto* f : m.families()) {
        all.push_back(convert(*f, m.prefix));
    }
    for (const auto* h : m.histograms()) {
        all.push_back(convert(*h, m.prefix));
    }
    return prometheus::TextSerializer().Serialize(all);
}

}  // namespace wsidecar::app
