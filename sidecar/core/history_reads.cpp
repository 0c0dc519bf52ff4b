#include "sidecar/core/history_reads.hpp"

#include <algorithm>
#include <utility>

#include "sidecar/core/client_resources.hpp"
#include "sidecar/core/keyed_hash.hpp"
#include "sidecar/core/log.hpp"

namespace wsidecar::core {
namespace {

/// What a push takes in memory besides its text while it is on its way from Redis' answer to a frame, and the shortest text of one.
constexpr std::size_t bytes_beside_text = 512;
constexpr std::size_t shortest_text = 32;

constexpr std::size_t most_bytes = history_reads_bytes;

}  // namespace

struct history_reads::read {
    std::uint64_t client = 0;
    std::size_t cost = 0;
    history_question q;
    std::function<bool()> wanted;
    std::function<void(history_answer)> done;  ///< null once it has been given up
    timer_port::handle patience;               ///< set while it waits
};

history_reads::history_reads(const config::config& c, metrics& m, bus_port& bus, timer_port& timers)
    : config_(c), metrics_(m), bus_(bus), timers_(timers) {
    metrics_.limit_hits.at({"history.reads"}) += 0;
    metrics_.limit_hits.at({"history.reads_per_client"}) += 0;
    charge(0);
}

/// The most bytes that the answer to `q` takes. One read may be charged with all that there is, but with no more.
std::size_t history_reads::cost_of(const history_question& q) const {
    std::size_t kept = 0;
    for (const auto& rule : config_.history) {
        kept = std::max<std::size_t>(kept, rule.count);
    }
    std::size_t pushes = 0;
    for (const auto& n : q.names) {
        pushes += q.after ? kept : std::min<std::size_t>(n.count, kept);
    }
    return std::min(most_bytes, q.bytes + std::min(pushes, q.bytes / shortest_text) * bytes_beside_text);
}

void history_reads::recall(std::string_view client, history_question q, std::function<bool()> wanted,
                           std::function<void(history_answer)> done) {
    auto r = std::make_shared<read>();
    r->client = keyed_hash(client);
    r->cost = cost_of(q);
    r->q = std::move(q);
    r->wanted = std::move(wanted);
    r->done = std::move(done);
    const bool has_all = queue_.has_all(r->client, history_reads_per_client);
    if (!has_all && !next_ && queue_.empty() && fits(*r)) {
        queue_.take_place(r->client);
        begin(r);
        return;
    }
    wait(r);
    go_on();
    if (r->patience) {
        metrics_.hit(has_all ? "history_reads_of_client" : "history_reads");
    }
}

void history_reads::wait(const read_ptr& r) {
    if (queue_.size() >= waiting_at_most) {
        give_up(*r);
        return;
    }
    r->patience = timers_.after(patience, [this, weak = std::weak_ptr(r)] {
        if (const auto late = weak.lock()) {
            give_up(*late);
        }
    });
    queue_.push(r->client, r);
}

/// It keeps its place in the queue until its turn comes, and is skipped then.
void history_reads::give_up(read& r) {
    r.patience.reset();
    metrics_.hit("history_reads");
    log::limited(log::level::warn, "history", "a history is not given, because too many are being read",
                 {{"bytes", bytes_}, {"most", most_bytes}, {"waiting", queue_.size()}});
    if (const auto done = std::exchange(r.done, nullptr)) {
        done({});
    }
}

bool history_reads::fits(const read& r) const {
    return bytes_ + r.cost <= most_bytes;
}

void history_reads::charge(std::size_t bytes) {
    bytes_ = bytes;
    metrics_.limit_used.at({"history.reads"}) = static_cast<double>(bytes);
}

/// It has its client's place.
void history_reads::begin(const read_ptr& r) {
    r->patience.reset();
    charge(bytes_ + r->cost);
    bus_.recall(std::move(r->q), [this, r](history_answer a) {
        const auto done = std::exchange(r->done, nullptr);
        done(std::move(a));
        charge(bytes_ - r->cost);
        ended(*r);
    });
}

void history_reads::ended(const read& r) {
    queue_.give_back(r.client);
    go_on();
}

/// Begins the reads that there is room for. An answer at once comes back here, and the loop goes on.
void history_reads::go_on() {
    if (std::exchange(going_on_, true)) {
        return;
    }
    while (true) {
        if (!next_) {
            auto popped = queue_.pop(history_reads_per_client);
            if (!popped) {
                break;
            }
            next_ = std::move(*popped);
            queue_.take_place(next_->client);
        }
        if (!next_->done || !next_->wanted()) {
            const auto gone = std::exchange(next_, nullptr);
            queue_.give_back(gone->client);
        } else if (fits(*next_)) {
            begin(std::exchange(next_, nullptr));
        } else {
            break;
        }
    }
    going_on_ = false;
}

}  // namespace wsidecar::core
