#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/core/handshake_result.hpp"
#include "sidecar/core/undelivered_reason.hpp"

namespace wsidecar::core {

enum class metric_kind { counter, gauge, histogram };

/// A counter or gauge with labels. References to samples stay valid as long as the family, so hot paths may keep them. Label values come
/// from closed sets defined by this program; values that a peer chose must pass through close_label or status_label. Event loop only.
class family {
public:
    /// The most samples of one family. Further label values are counted together as "other".
    static constexpr std::size_t samples_at_most = 256;

    /// `known` lists values of the only label that exist from the start with 0, because Prometheus's increase() and rate() miss the first
    /// step of a counter that appears with it.
    family(metric_kind kind, std::string name, std::string help, std::vector<std::string> labels = {},
           std::initializer_list<std::string_view> known = {})
        : kind_(kind), name_(std::move(name)), help_(std::move(help)), labels_(std::move(labels)) {
        for (const auto value : known) {
            at({value});
        }
    }

    double& at(std::initializer_list<std::string_view> values);
    /// The only sample of a family without labels.
    double& value() { return at({}); }
    /// The sum over all label values.
    double total() const;

    metric_kind kind() const { return kind_; }
    const std::string& name() const { return name_; }
    const std::string& help() const { return help_; }
    const std::vector<std::string>& labels() const { return labels_; }
    /// Allows look-up without making a std::string of each value, for the data path.
    struct by_labels {
        using is_transparent = void;
        template <class A, class B>
        bool operator()(const A& a, const B& b) const {
            return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), std::less<std::string_view>());
        }
    };
    using sample_map = std::map<std::vector<std::string>, double, by_labels>;
    const sample_map& samples() const { return samples_; }

private:
    metric_kind kind_;
    std::string name_;
    std::string help_;
    std::vector<std::string> labels_;
    sample_map samples_;
};

/// A counter with one label, whose values are the words of an enum. All of them exist from the start with 0, because Prometheus's
/// increase() and rate() miss the first step of a counter that appears with it. Event loop only.
template <class E, std::size_t N>
class counter_of : public family {
public:
    counter_of(std::string name, std::string help, std::string label, const std::array<std::string_view, N>& words)
        : family(metric_kind::counter, std::move(name), std::move(help), {std::move(label)}) {
        for (std::size_t i = 0; i < N; ++i) {
            samples_of_[i] = &at({words[i]});
        }
    }
    counter_of(const counter_of&) = delete;
    counter_of& operator=(const counter_of&) = delete;

    double& operator[](E value) { return *samples_of_[static_cast<std::size_t>(value)]; }

private:
    std::array<double*, N> samples_of_{};
};

/// A histogram in seconds with fixed bounds (0.5 ms to 30 s).
class histogram {
public:
    histogram(std::string name, std::string help) : name_(std::move(name)), help_(std::move(help)) {}

    void observe(double seconds);

    static const std::vector<double>& bounds();
    const std::string& name() const { return name_; }
    const std::string& help() const { return help_; }
    const std::vector<std::uint64_t>& buckets() const { return buckets_; }  ///< not cumulative; one more than bounds()
    double sum() const { return sum_; }
    std::uint64_t count() const { return count_; }
    /// The bound (in seconds) below which the share `q` of the observations lies; 0 if there are none.
    double quantile(double q) const;

private:
    std::string name_;
    std::string help_;
    std::vector<std::uint64_t> buckets_ = std::vector<std::uint64_t>(bounds().size() + 1);
    double sum_ = 0;
    std::uint64_t count_ = 0;
};

/// A close code as a label. Codes of RFC 6455 and of wsidecar are written as they are; others become 1xxx to 4xxx or other, because clients
/// and apps may use thousands of them.
std::string_view close_label(std::uint16_t code);
/// An HTTP status as a label. Registered ones are written as they are; others become 1xx to 5xx or other.
std::string_view status_label(unsigned status);

/// The configuration key of the limit that causes this reason; empty if no limit does.
std::string_view limit_behind(std::string_view reason);

/// All metrics of the process. The values are plain numbers, because all code runs on the event-loop thread.
struct metrics {
    using k = metric_kind;

    // clients
    family connections{k::gauge, "wsidecar_connections", "Open WebSocket connections."};
    counter_of<handshake_result, handshake_words.size()> handshakes{
        "wsidecar_handshakes_total", "Upgrade requests by outcome: accepted, or why not.", "result", handshake_words};
    family http_requests{k::counter,
                         "wsidecar_http_requests_total",
                         "Requests on the client address that are no upgrade, by answer status.",
                         {"status"}};
    family closes{k::counter,
                  "wsidecar_closes_total",
                  "Ended connections by close code (others than the known ones as 3xxx and 4xxx) and reason.",
                  {"code", "reason"}};
    family received{k::counter, "wsidecar_received_messages_total", "Messages from clients.", {"type"}, {"text", "binary"}};
    family received_bytes{k::counter, "wsidecar_received_bytes_total", "Payload bytes of messages from clients."};
    family delivered{k::counter,
                     "wsidecar_delivered_total",
                     "Messages that left by origin: handed to the kernel; from the list, confirmed.",
                     {"door"},
                     {"answer", "channel", "history", "list"}};
    family queued_bytes{k::gauge, "wsidecar_outbound_queue_bytes", "Bytes waiting in connections' queues."};
    family deflate_window_bytes{k::gauge, "wsidecar_deflate_window_bytes",
                                "Bytes kept of clients' compressed messages, which the next ones refer to."};
    family stomp_frames{k::counter, "wsidecar_stomp_frames_total", "STOMP frames of clients, by command.", {"command"}};
    family stomp_errors{k::counter, "wsidecar_stomp_errors_total", "ERROR frames to clients, by reason.", {"reason"}};
    family stomp_subscriptions{k::gauge, "wsidecar_stomp_subscriptions",
                               "Subscriptions of clients to destinations of the broker."};
    family tunnels{k::counter,
                   "wsidecar_tunnels_total",
                   "Upgrades tunnelled to the app, by outcome.",
                   {"result"},
                   {"open", "refused", "unreached"}};

    // app
    family events{k::counter, "wsidecar_events_total", "Events by type and outcome at the app.", {"type", "result"}};
    family event_retries{k::counter, "wsidecar_event_retries_total", "Events sent again, by cause.", {"type", "cause"}};
    family bad_answers{
        k::counter, "wsidecar_bad_answers_total", "Parts of the app's answers that were not taken.", {"reason", "part"}};
    family app_in_flight{k::gauge, "wsidecar_app_requests_in_flight", "Requests the app is working on."};
    family app_queued{k::gauge, "wsidecar_app_requests_queued", "Requests waiting for a place in app.concurrency."};
    family events_waiting{k::gauge, "wsidecar_events_waiting",
                          "Events that wait for the app: sent in vain at least once, and messages behind them."};
    family event_oldest{
        k::gauge, "wsidecar_event_oldest_seconds",
        "How long the oldest of the waiting events has waited; at app.retry.down_deadline (while the app accepts "
        "connections: app.retry.deadline) it is given up."};
    family app_connections{k::gauge, "wsidecar_app_connections", "Connections held to the app."};
    family app_up{k::gauge, "wsidecar_app_up", "1 while the app accepts connections."};
    histogram event_seconds{"wsidecar_event_duration_seconds", "Time from sending an event to the whole answer."};

    // pushes
    family pushes{
        k::counter, "wsidecar_pushes_total", "Pushes taken from Redis or POST /push, by door.", {"door"}, {"list", "channel"}};
    family source_messages{k::counter, "wsidecar_source_messages_total",
                           "Messages of the channels in `sources` that were read."};
    family callbacks{k::counter,
                     "wsidecar_delivered_callbacks_total",
                     "Requests that tell the app of deliveries, by outcome.",
                     {"result"},
                     {"taken", "refused", "failed"}};
    counter_of<undelivered_reason, undelivered_words.size()> undelivered{
        "wsidecar_undelivered_total",
        "Messages that reached no client, or not all they were for, or that the app did not take, by reason.", "reason",
        undelivered_words};
    family rejected{k::counter, "wsidecar_rejected_total", "Envelopes that could not be taken, by reason.", {"reason"}};
    family routed{k::counter, "wsidecar_routed_total",
                  "Pushes of the outbox that this router has committed, canaries included."};
    family redelivered{k::counter,
                       "wsidecar_redelivered_total",
                       "List pushes routed again, by cause.",
                       {"cause"},
                       {"connection_gone", "nacked"}};
    family mailbox_stored{k::counter, "wsidecar_mailbox_stored_total", "Pushes kept for a name that had no connection."};
    family inbox_overflowed{k::counter, "wsidecar_inbox_overflowed_total",
                            "Pushes that wait behind an instance's inbox because it is full (inbox.count, inbox.bytes)."};
    family parked{k::counter, "wsidecar_parked_total",
                  "Pushes that waited for instances to register anew, after Redis had lost data or was another one."};
    family mailboxes{k::gauge, "wsidecar_mailboxes", "Names that pushes are kept for, as the router sees it."};
    family histories{k::gauge, "wsidecar_histories", "Names whose latest pushes are kept (history), as the router sees it."};
    family history_bytes{k::gauge, "wsidecar_history_bytes", "Their bytes."};
    family history_problems{k::counter,
                            "wsidecar_history_problems_total",
                            "What of a history could not be kept or given as it was asked for, by reason.",
                            {"reason"},
                            {"cut", "future_id", "gap", "malformed", "malformed_id", "more_than_kept", "not_configured",
                             "not_kept", "pattern", "too_many_names", "unread", "wrong_type"}};
    family shard_items{k::counter, "wsidecar_shard_items_total",
                       "Pushes, receipts and counts that this instance has brought from one shard of the service to another."};
    family shards_well{k::gauge, "wsidecar_shards_well",
                       "Shards of the service in which this instance is registered and well."};
    family unconfirmed{k::gauge, "wsidecar_unconfirmed_pushes", "List pushes handed to this instance that it has not settled."};
    family receipts_failed{k::counter, "wsidecar_receipts_failed_total",
                           "Receipts that Redis did not take: their key holds something else, or it is full."};
    histogram push_seconds{"wsidecar_push_delivery_seconds",
                           "Time from a list push's arrival in this instance to its confirmation."};

    // Redis and registry
    family redis_up{k::gauge, "wsidecar_redis_up", "1 while Redis works end to end (canaries come back)."};
    family redis_reconnects{k::counter, "wsidecar_redis_reconnects_total", "Redis connections opened again.", {"link"}};
    family redis_errors{k::counter,
                        "wsidecar_redis_errors_total",
                        "Error replies and failures of Redis, by kind.",
                        {"kind"},
                        {"no_answer", "subscribe", "LOADING", "NOAUTH", "NOPERM", "OOM", "READONLY"}};
    family pubsub_gaps{k::counter, "wsidecar_pubsub_gaps_total",
                       "Times the subscription was down: channel pushes may be missed."};
    family subscriptions{k::gauge, "wsidecar_subscriptions", "Channels this instance is subscribed to."};
    family canary_seconds{k::gauge, "wsidecar_canary_seconds", "Age of the last canary that came back, by path.", {"path"}};
    family outbox_age{k::gauge, "wsidecar_outbox_head_age_seconds",
                      "How long the outbox's head has been waiting, as the router sees it."};
    family outbox_length{k::gauge, "wsidecar_outbox_length", "Entries in the outbox, as the router sees it."};
    family router{k::gauge, "wsidecar_router",
                  "1 on the instance that routes the outbox; with `shards`, how many of them this instance routes."};
    family leases_lost{k::counter,
                       "wsidecar_lease_lost_total",
                       "Times this instance's lease was gone, by finding.",
                       {"finding"},
                       {"data_lost", "expired", "fenced"}};
    family ends_given_up{k::counter, "wsidecar_disconnect_events_given_up_total",
                         "Disconnect events that no instance's app took within app.retry.lost_event_age."};
    family reaped{k::counter, "wsidecar_reaped_instances_total", "Dead instances taken over by this one."};

    // tracing
    family spans_exported{k::counter, "wsidecar_spans_exported_total", "Spans that the collector took."};
    family spans_dropped{k::counter,
                         "wsidecar_spans_dropped_total",
                         "Spans that no collector got: the queue was full, or the collector away or refusing, by reason.",
                         {"reason"},
                         {"queue", "collector"}};

    // process
    family loop_lag{k::gauge, "wsidecar_loop_lag_seconds", "How late the event loop's last tick came."};
    family draining{k::gauge, "wsidecar_drain_state", "0 serving, 1 draining, 2 drained."};
    family drain_remaining{k::gauge, "wsidecar_drain_remaining", "Connections the drain has still to close."};
    family client_bytes{
        k::gauge,
        "wsidecar_client_bytes",
        "Bytes kept for clients, by what they are: before a handshake, waiting for a socket, begun and not dealt with.",
        {"kind"},
        {"pending", "queued", "begun"}};
    family pending_full{k::gauge, "wsidecar_pending_connections_full",
                        "1 while connections before their handshake had to go in the last 10 s to make room for others."};
    family limit{k::gauge, "wsidecar_limit", "Configured limits, as in force; routes may have their own. 0: off.", {"name"}};
    family limit_used{k::gauge,
                      "wsidecar_limit_used",
                      "How much of a limit is in use, for those where that can be told; of limits.queue the longest queue's.",
                      {"name"}};
    family limit_hits{k::counter,
                      "wsidecar_limit_hits_total",
                      "Times that a limit refused, dropped or closed something, or (app.concurrency) made it wait.",
                      {"name"},
                      {"accept_rate",
                       "admin.bodies",
                       "admin.connections",
                       "app.concurrency",
                       "app.max_answer",
                       "app.max_header",
                       "app.retry.deadline",
                       "connections_per_address",
                       "connections_per_user",
                       "console.questions",
                       "console.viewers",
                       "handshakes.remembered",
                       "handshakes_per_address",
                       "handshakes_per_user",
                       "inbox.count",
                       "limits.ack_time",
                       "limits.first_frame",
                       "limits.fragments",
                       "limits.frame",
                       "limits.handshake",
                       "limits.header_count",
                       "limits.headers",
                       "limits.message",
                       "limits.message_time",
                       "limits.messages_per_second",
                       "limits.patterns",
                       "limits.queue",
                       "limits.subscriptions",
                       "limits.subscriptions_per_second",
                       "limits.unacknowledged",
                       "mailbox.age",
                       "mailbox.count",
                       "max_connections",
                       "memory_bytes",
                       "outbox.max_envelope",
                       "pass.concurrency",
                       "pending_bytes",
                       "pending_connections",
                       "read_ahead",
                       "sockjs.ended",
                       "stomp.transactions"}};
    family reloads{k::counter,
                   "wsidecar_config_reloads_total",
                   "Times the configuration was read again, by outcome.",
                   {"result"},
                   {"done", "refused"}};
    family info{k::gauge, "wsidecar_build_info", "1, with version and instance id as labels.", {"version", "instance_id"}};

    /// The label `prefix` of every sample. Instances with the same prefix belong to one service and share one outbox.
    std::string prefix;

    /// Counts a hit of the limit that causes this reason (a label of the families above), if there is one.
    void hit(std::string_view reason, double times = 1);

    /// All families and histograms, for /metrics.
    std::vector<const family*> families() const;
    std::vector<const histogram*> histograms() const;
};

}  // namespace wsidecar::core
