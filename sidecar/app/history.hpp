#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "sidecar/core/metrics.hpp"

namespace wsidecar::app {

/// What happened lately, from metrics that only grow: one sample a second, for a minute. Pure: no clock of its own.
class history {
public:
    using time_point = std::chrono::steady_clock::time_point;

    struct rates {  ///< a second
        double accepted = 0;
        double refused = 0;
        double messages_in = 0;
        double events = 0;
        double pushes = 0;
        double delivered = 0;
    };
    struct latency {
        std::optional<double> p50;  ///< seconds; none: nothing happened
        std::optional<double> p99;
        std::uint64_t count = 0;
    };
    struct figures {
        rates now;           ///< over the last 5 s
        latency event;       ///< over the last minute
        latency push;        ///< likewise
        double seconds = 0;  ///< what the minute has of them so far
    };

    void take(const core::metrics& m, time_point now);
    figures look() const;

private:
    struct sample {
        time_point at;
        rates totals;
        std::vector<std::uint64_t> event;
        std::vector<std::uint64_t> push;
    };
    std::deque<sample> samples_;
};

/// The value below which a share `q` of what is in these buckets (core::histogram's) lies, as Prometheus estimates it.
std::optional<double> quantile(const std::vector<std::uint64_t>& buckets, double q);

}  // namespace wsidecar::app
