#include "sidecar/core/metrics.hpp"

#include <algorithm>
#include <iterator>

namespace wsidecar::core {

double& family::at(std::initializer_list<std::string_view> values) {
    if (const auto at = samples_.find(values); at != samples_.end()) {
        return at->second;
    }
    if (samples_.size() >= samples_at_most) {
        return samples_[std::vector<std::string>(values.size(), "other")];
    }
    return samples_[std::vector<std::string>(values.begin(), values.end())];
}

double family::total() const {
    double sum = 0;
    for (const auto& [labels, v] : samples_) {
        sum += v;
    }
    return sum;
}

const std::vector<double>& histogram::bounds() {
    static const std::vector<double> b{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
    return b;
}

void histogram::observe(double seconds) {
    const auto& b = bounds();
    const auto at = std::lower_bound(b.begin(), b.end(), seconds) - b.begin();
    ++buckets_[static_cast<std::size_t>(at)];
    sum_ += seconds;
    ++count_;
}

double histogram::quantile(double q) const {
    if (count_ == 0) {
        return 0;
    }
    const double want = q * static_cast<double>(count_);
    double seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
        seen += static_cast<double>(buckets_[i]);
        if (seen >= want) {
            return i < bounds().size() ? bounds()[i] : bounds().back();
        }
    }
    return bounds().back();
}

std::string_view close_label(std::uint16_t code) {
    struct entry {
        std::uint16_t code;
        std::string_view label;
    };
    static constexpr entry known[] = {{1000, "1000"}, {1001, "1001"}, {1002, "1002"}, {1003, "1003"}, {1005, "1005"},
                                      {1006, "1006"}, {1007, "1007"}, {1008, "1008"}, {1009, "1009"}, {1010, "1010"},
                                      {1011, "1011"}, {1012, "1012"}, {1013, "1013"}, {1014, "1014"}, {1015, "1015"},
                                      {4000, "4000"}, {4001, "4001"}, {4010, "4010"}, {4401, "4401"}};
    const auto at = std::find_if(std::begin(known), std::end(known), [code](const entry& e) { return e.code == code; });
    if (at != std::end(known)) {
        return at->label;
    }
    static constexpr std::string_view classes[] = {"other", "1xxx", "2xxx", "3xxx", "4xxx"};
    return code < 5000 ? classes[code / 1000] : classes[0];
}

std::string_view status_label(unsigned status) {
    static constexpr std::string_view known[] = {"101", "200", "201", "202", "203", "204", "205", "206", "207", "300", "301",
                                                 "302", "303", "304", "307", "308", "400", "401", "402", "403", "404", "405",
                                                 "406", "407", "408", "409", "410", "411", "412", "413", "414", "415", "416",
                                                 "417", "421", "422", "423", "424", "425", "426", "428", "429", "431", "451",
                                                 "499", "500", "501", "502", "503", "504", "505", "507", "508", "511"};
    static constexpr std::string_view classes[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
    const auto at = std::find(std::begin(known), std::end(known), std::to_string(status));
    return at != std::end(known) ? *at : status < 600 ? classes[status / 100] : classes[0];
}

std::string_view limit_behind(std::string_view reason) {
    struct entry {
        std::string_view reason;
        std::string_view limit;
    };
    static constexpr entry table[] = {
        {"accept_rate", "accept_rate"},
        {"ack_time", "limits.ack_time"},
        {"admin_bodies", "admin.bodies"},
        {"admin_connections", "admin.connections"},
        {"answer_too_big", "app.max_answer"},
        {"app_deadline", "app.retry.deadline"},
        {"connections_per_address", "connections_per_address"},
        {"connections_per_user", "connections_per_user"},
        {"first_frame", "limits.first_frame"},
        {"frame_too_big", "limits.frame"},
        {"handshakes_per_address", "handshakes_per_address"},
        {"handshakes_per_user", "handshakes_per_user"},
        {"head_too_big", "limits.headers"},
        {"header_too_long", "limits.headers"},
        {"histories", "history.names"},
        {"history_reads", "history.reads"},
        {"history_reads_of_client", "history.reads_per_client"},
        {"mailbox_age", "mailbox.age"},
        {"mailbox_full", "mailbox.count"},
        {"max_connections", "max_connections"},
        {"max_header", "app.max_header"},
        {"memory", "memory_bytes"},
        {"message_time", "limits.message_time"},
        {"message_too_big", "limits.message"},
        {"overloaded", "inbox.count"},
        {"pending_bytes", "pending_bytes"},
        {"questions", "console.questions"},
        {"queue", "limits.queue"},
        {"rate", "limits.messages_per_second"},
        {"read_ahead", "read_ahead"},
        {"slow_consumer", "limits.queue"},
        {"sockjs_ended", "sockjs.ended"},
        {"subscribe_rate", "limits.subscriptions_per_second"},
        {"timeout", "limits.handshake"},
        {"too_large", "outbox.max_envelope"},
        {"too_many_fragments", "limits.fragments"},
        {"too_many_headers", "limits.header_count"},
        {"too_many_passed", "pass.concurrency"},
        {"too_many_patterns", "limits.patterns"},
        {"too_many_pending", "pending_connections"},
        {"too_many_subscriptions", "limits.subscriptions"},
        {"transaction_too_big", "stomp.transactions"},
        {"unacknowledged", "limits.unacknowledged"},
        {"viewers", "console.viewers"},
    };
    static_assert(
        std::is_sorted(std::begin(table), std::end(table), [](const entry& a, const entry& b) { return a.reason < b.reason; }));
    const auto at = std::lower_bound(std::begin(table), std::end(table), reason,
                                     [](const entry& e, std::string_view r) { return e.reason < r; });
    return at != std::end(table) && at->reason == reason ? at->limit : std::string_view();
}

void metrics::hit(std::string_view reason, double times) {
    if (const auto limit_name = limit_behind(reason); !limit_name.empty()) {
        limit_hits.at({limit_name}) += times;
    }
}

std::vector<const family*> metrics::families() const {
    return {&connections,
            &handshakes,
            &http_requests,
            &closes,
            &received,
            &received_bytes,
            &delivered,
            &queued_bytes,
            &deflate_window_bytes,
            &tunnels,
            &events,
            &event_retries,
            &bad_answers,
            &app_in_flight,
            &app_queued,
            &events_waiting,
            &event_oldest,
            &app_connections,
            &app_up,
            &pushes,
            &undelivered,
            &rejected,
            &routed,
            &redelivered,
            &redis_up,
            &redis_reconnects,
            &redis_errors,
            &pubsub_gaps,
            &subscriptions,
            &canary_seconds,
            &outbox_age,
            &outbox_length,
            &router,
            &leases_lost,
            &reaped,
            &loop_lag,
            &draining,
            &pending_full,
            &client_bytes,
            &drain_remaining,
            &limit,
            &limit_used,
            &limit_hits,
            &info,
            &mailbox_stored,
            &inbox_overflowed,
            &parked,
            &ends_given_up,
            &mailboxes,
            &histories,
            &history_bytes,
            &history_problems,
            &unconfirmed,
            &shard_items,
            &shards_well,
            &receipts_failed,
            &source_messages,
            &callbacks,
            &stomp_frames,
            &stomp_errors,
            &stomp_subscriptions,
            &reloads,
            &spans_exported,
            &spans_dropped};
}

std::vector<const histogram*> metrics::histograms() const {
    return {&event_seconds, &push_seconds};
}

}  // namespace wsidecar::core
