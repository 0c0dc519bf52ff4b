#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "config/config.hpp"
#include "sidecar/core/fair_queue.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"

namespace wsidecar::core {

/// Bounds how much of histories is being read at the same moment. A read is charged with what its answer may take before Redis is asked, and
/// until its answer has become frames in the client's queue. Reads that exceed history_reads_bytes, or their client's share of
/// history_reads_per_client, wait; the clients take turns. Event loop only.
class history_reads {
public:
    /// How long a read waits for its turn. After that, it is answered like one that Redis did not answer.
    static constexpr std::chrono::seconds patience{20};
    /// The most reads that wait. The pod has more connections than that only if it was given several gigabytes.
    static constexpr std::size_t waiting_at_most = 65'536;

    history_reads(const config::config& c, metrics& m, bus_port& bus, timer_port& timers);

    /// Calls bus_port::recall() when there is room. `client` is whoever shares the places of one client: a user or an address. When its turn
    /// comes and `wanted` returns false, the client has gone: nothing is read, and `done` does not run.
    void recall(std::string_view client, history_question q, std::function<bool()> wanted,
                std::function<void(history_answer)> done);
    /// The bytes that the reads under way are charged with.
    std::size_t bytes() const { return bytes_; }
    std::size_t waiting() const { return queue_.size(); }

private:
    struct read;
    using read_ptr = std::shared_ptr<read>;
    std::size_t cost_of(const history_question& q) const;
    void wait(const read_ptr& r);
    void give_up(read& r);
    bool fits(const read& r) const;
    void charge(std::size_t bytes);
    void begin(const read_ptr& r);
    void ended(const read& r);
    void go_on();

    const config::config& config_;
    metrics& metrics_;
    bus_port& bus_;
    timer_port& timers_;
    fair_queue<read_ptr> queue_;
    read_ptr next_;  ///< has left the queue, and waits for bytes
    std::size_t bytes_ = 0;
    bool going_on_ = false;
};

}  // namespace wsidecar::core
