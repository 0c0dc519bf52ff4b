#include "sidecar/app/history.hpp"

#include <algorithm>

namespace wsidecar::app {
namespace {

constexpr std::size_t rate_samples = 5;
constexpr std::size_t samples_kept = 61;  ///< a minute lies between the first and the last

double sample_of(const core::family& f, const char* label) {
    const auto it = f.samples().find({label});
    return it == f.samples().end() ? 0 : it->second;
}

history::latency latency_of(const std::vector<std::uint64_t>& then, const std::vector<std::uint64_t>& now) {
    std::vector<std::uint64_t> fresh(now.size());
    history::latency out;
    for (std::size_t i = 0; i < now.size(); ++i) {
        fresh[i] = now[i] - then[i];
        out.count += fresh[i];
    }
    out.p50 = quantile(fresh, 0.5);
    out.p99 = quantile(fresh, 0.99);
    return out;
}

}  // namespace

std::optional<double> quantile(const std::vector<std::uint64_t>& buckets, double q) {
    std::uint64_t total = 0;
    for (const auto n : buckets) {
        total += n;
    }
    if (total == 0) {
        return std::nullopt;
    }
    const auto& bounds = core::histogram::bounds();
    const double want = q * static_cast<double>(total);
    double below = 0;
    for (std::size_t i = 0; i < bounds.size(); ++i) {
        const auto n = static_cast<double>(buckets[i]);
        if (below + n >= want && n > 0) {
            const double low = i == 0 ? 0 : bounds[i - 1];
            return low + (bounds[i] - low) * (want - below) / n;
        }
        below += n;
    }
    return bounds.back();
}

void history::take(const core::metrics& m, time_point now) {
    sample s;
    s.at = now;
    s.totals.accepted = sample_of(m.handshakes, "accepted");
    s.totals.refused = m.handshakes.total() - s.totals.accepted;
    s.totals.messages_in = m.received.total();
    s.totals.events = m.events.total();
    s.totals.pushes = m.pushes.total();
    s.totals.delivered = m.delivered.total();
    s.event = m.event_seconds.buckets();
    s.push = m.push_seconds.buckets();
    samples_.push_back(std::move(s));
    if (samples_.size() > samples_kept) {
        samples_.pop_front();
    }
}

history::figures history::look() const {
    figures out;
    if (samples_.size() < 2) {
        return out;
    }
    const sample& last = samples_.back();
    const sample& then = samples_[samples_.size() - 1 - std::min(rate_samples, samples_.size() - 1)];
    const double seconds = std::chrono::duration<double>(last.at - then.at).count();
    if (seconds > 0) {
        const auto rate = [&](double rates::*what) { return (last.totals.*what - then.totals.*what) / seconds; };
        out.now = {rate(&rates::accepted), rate(&rates::refused), rate(&rates::messages_in),
                   rate(&rates::events),   rate(&rates::pushes),  rate(&rates::delivered)};
    }
    const sample& first = samples_.front();
    out.seconds = std::chrono::duration<double>(last.at - first.at).count();
    out.event = latency_of(first.event, last.event);
    out.push = latency_of(first.push, last.push);
    return out;
}

}  // namespace wsidecar::app
