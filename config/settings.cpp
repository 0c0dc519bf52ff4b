#include "config/settings.hpp"

#include <utility>

#include "config/settings_table.hpp"

namespace wsidecar::config {
namespace {

using C = config;

/// Of outbox.max_envelope: POST /push takes as much. A returned entry is written in a form that may be eight times as long,
/// which a connection to Redis can still read.
constexpr std::uint64_t envelope_at_most = 4UL * 1024 * 1024;
constexpr std::uint64_t in_redis = 1ULL << 40U;  ///< of sizes that only Redis' scripts count with

void listen_and_admin_settings(table<C>& t) {
    t.text(
         "listen.address", "address where clients connect; port 0: any free port",
         [](C & c) -> auto& { return c.listen.address; })
        .live = false;
    t.flag(
        "listen.proxy_protocol",
        "each connection starts with a PROXY protocol header, version 1 or 2, with the client's address (AWS NLB, haproxy)",
        [](C & c) -> auto& { return c.listen.proxy_protocol; });
    t.text(
        "listen.tls.cert", "PEM file with the certificate chain; empty: no TLS",
        [](C & c) -> auto& { return c.listen.tls.cert; });
    t.text(
        "listen.tls.key", "PEM file with its key", [](C & c) -> auto& { return c.listen.tls.key; });
    t.text(
        "listen.tls.client_ca", "PEM file of the authorities for client certificates; empty: wsidecar asks for none",
        [](C & c) -> auto& { return c.listen.tls.client_ca; });
    t.choice(
        "listen.tls.client_auth",
        "with client_ca: require: no connection without a certificate; request: a certificate is checked if the client has one",
        [](C & c) -> auto& { return c.listen.tls.client_auth; });
    t.text(
         "admin.address", "address of probes and metrics (for everybody) and of operations (for loopback)",
         [](C & c) -> auto& { return c.admin.address; })
        .live = false;
    t.choice(
        "admin.loopback", "open: loopback needs no token; token: loopback needs the token of token_file, too",
        [](C & c) -> auto& { return c.admin.loopback; });
    t.text(
        "admin.token_file", "file with a bearer token that admits others than loopback to operations",
        [](C & c) -> auto& { return c.admin.token_file; });
}

void app_settings(table<C>& t) {
    t.text(
        "app.url", "the app: http://host:port or unix:/path", [](C & c) -> auto& { return c.app.url; });
    t.duration(
        "app.timeout", "time from sending a request to the end of the answer", 10ms,
        [](C & c) -> auto& { return c.app.timeout; });
    t.number(
        "app.concurrency", "requests in flight; a quarter is reserved for connect and disconnect", 1, 100'000,
        [](C & c) -> auto& { return c.app.concurrency; });
    t.text(
        "app.host", "Host header of events: preserve (the client's), or a fixed value",
        [](C & c) -> auto& { return c.app.host; });
    t.size(
        "app.max_header", "size of all headers of an event (8 KiB is Tomcat's limit); more: 431 at the handshake", 1024,
        [](C & c) -> auto& { return c.app.max_header; });
    t.size(
        "app.max_answer", "size of an answer's body; more: the answer is dropped, and a handshake gets 502", 1024,
        [](C & c) -> auto& { return c.app.max_answer; });
    t.text(
        "app.health", "path that readyz requests; empty: it only connects", [](C & c) -> auto& { return c.app.health; });
    t.texts(
         "app.signing_secret", "secrets that sign events as Standard Webhooks; two while you replace one",
         [](C & c) -> auto& { return c.app.signing_secrets; })
        .secret = true;
    t.text(
        "app.signing_secret_file", "file with these secrets, one per line",
        [](C & c) -> auto& { return c.app.signing_secret_file; });
    t.duration(
        "app.retry.deadline", "how long events are retried while the app accepts connections", 0ms,
        [](C & c) -> auto& { return c.app.retry.deadline; });
    t.duration(
        "app.retry.down_deadline", "how long events are retried while it does not", 0ms,
        [](C & c) -> auto& { return c.app.retry.down_deadline; });
    t.duration(
        "app.retry.lost_event_age", "how long a disconnect event is kept and offered to the apps of all instances", 1000ms,
        [](C & c) -> auto& { return c.app.retry.lost_event_age; });
    t.flag(
        "app.retry.ambiguous", "retry, with the same ce-id, events that the app may have handled (timeouts)",
        [](C & c) -> auto& { return c.app.retry.ambiguous; });
}

void redis_settings(table<C>& t) {
    auto& url = t.text(
        "redis.url", "redis://, rediss://, unix://, or none (a single pod without Redis)",
        [](C & c) -> auto& { return c.redis.url; });
    url.live = false;
    url.secret = true;
    t.text(
        "redis.username", "user name, for ACLs", [](C & c) -> auto& { return c.redis.username; });
    t.text(
         "redis.password", "password; prefer password_file", [](C & c) -> auto& { return c.redis.password; })
        .secret = true;
    t.text(
        "redis.password_file", "file with the password", [](C & c) -> auto& { return c.redis.password_file; });
    t.flag(
         "redis.sharded", "SSUBSCRIBE and SPUBLISH (Redis 7, Cluster)", [](C & c) -> auto& { return c.redis.sharded; })
        .live = false;
    t.flag(
         "redis.cluster",
         "Redis Cluster; the prefix needs a hash tag: {wsidecar:orders}:", [](C & c) -> auto& { return c.redis.cluster; })
        .live = false;
    t.texts(
         "redis.sentinels", "host:port of the sentinels", [](C & c) -> auto& { return c.redis.sentinels; })
        .live = false;
    t.text(
         "redis.master", "the master's name, as the sentinels know it", [](C & c) -> auto& { return c.redis.master; })
        .live = false;
    t.text(
        "redis.sentinel.username", "user name for the sentinels, for ACLs",
        [](C & c) -> auto& { return c.redis.sentinel.username; });
    t.text(
         "redis.sentinel.password", "password for the sentinels; empty: none, or Redis's own if a sentinel asks for one",
         [](C & c) -> auto& { return c.redis.sentinel.password; })
        .secret = true;
    t.text(
        "redis.sentinel.password_file", "file with the sentinels' password",
        [](C & c) -> auto& { return c.redis.sentinel.password_file; });
}

void redis_tls_settings(table<C>& t) {
    t.choice(
        "redis.sentinel.tls.use", "TLS to the sentinels; auto: if redis.url is rediss://",
        [](C & c) -> auto& { return c.redis.sentinel.tls.use; });
    t.text(
        "redis.sentinel.tls.ca", "PEM file of the authorities to trust; empty: redis.tls.ca",
        [](C & c) -> auto& { return c.redis.sentinel.tls.ca; });
    t.text(
        "redis.sentinel.tls.cert", "PEM file of a client certificate; empty: redis.tls.cert",
        [](C & c) -> auto& { return c.redis.sentinel.tls.cert; });
    t.text(
        "redis.sentinel.tls.key", "PEM file of its key", [](C & c) -> auto& { return c.redis.sentinel.tls.key; });
    t.text(
        "redis.sentinel.tls.server_name", "name to verify; empty: redis.tls.server_name, or the sentinel's host",
        [](C & c) -> auto& { return c.redis.sentinel.tls.server_name; });
    t.flag(
        "redis.sentinel.tls.verify", "refuse certificates that do not verify",
        [](C & c) -> auto& { return c.redis.sentinel.tls.verify; });
    t.text(
        "redis.tls.ca", "PEM file of the authorities to trust; empty: the system's",
        [](C & c) -> auto& { return c.redis.tls.ca; });
    t.text(
        "redis.tls.cert", "PEM file of a client certificate", [](C & c) -> auto& { return c.redis.tls.cert; });
    t.text(
        "redis.tls.key", "PEM file of its key", [](C & c) -> auto& { return c.redis.tls.key; });
    t.text(
        "redis.tls.server_name", "name to verify and to send as SNI; empty: the URL's host",
        [](C & c) -> auto& { return c.redis.tls.server_name; });
    t.flag(
        "redis.tls.verify", "refuse certificates that do not verify", [](C & c) -> auto& { return c.redis.tls.verify; });
}

void connection_settings(table<C>& t) {
    t.text(
         "prefix",
         "start of all keys and channels; use one for each service and stage, because pub/sub ignores database numbers",
         [](C & c) -> auto& { return c.prefix; })
        .live = false;
    t.number(
         "shards",
         "number of hash tags over which a service's names are spread, for a Redis Cluster; above 1, the prefix needs one", 1,
         64, [](C & c) -> auto& { return c.shards; })
        .live = false;
    t.duration(
         "lease", "an instance that has not renewed its lease for this long is dead", 1s,
         [](C & c) -> auto& { return c.lease; })
        .live = false;
    t.number(
        "max_connections", "open connections, including tunnels; lowered if RLIMIT_NOFILE or memory is too small; more: 503", 1,
        10'000'000, [](C & c) -> auto& { return c.max_connections; });
    t.number(
        "accept_rate", "new connections per second; more wait in the kernel's backlog; 0: no limit", 0, 1'000'000,
        [](C & c) -> auto& { return c.accept_rate; });
    t.number(
        "connections_per_user", "connections of one user on all pods; 0: no limit", 0, 1'000'000,
        [](C & c) -> auto& { return c.connections_per_user; });
    t.number(
        "connections_per_address", "connections from one address (IPv6: /64) on this pod; 0: no limit", 0, 1'000'000,
        [](C & c) -> auto& { return c.connections_per_address; });
    t.number(
        "handshakes_per_user",
        "connections that one user may open per second on this pod, on average over 10 s; more: 429; 0: no limit", 0, 1'000'000,
        [](C & c) -> auto& { return c.handshakes_per_user; });
    t.number(
        "handshakes_per_address",
        "the same for one address (IPv6: /64), such as an office's; not for a proxy in trusted_proxies that does not name "
        "the client",
        0, 1'000'000, [](C & c) -> auto& { return c.handshakes_per_address; });
    t.choice(
        "on_excess", "over connections_per_user: refuse the new one (503), or close the oldest (4001)",
        [](C & c) -> auto& { return c.on_excess; });
    t.texts(
        "trusted_proxies", "peers whose X-Forwarded-* headers are accepted: private, loopback, addresses, CIDRs",
        [](C & c) -> auto& { return c.trusted_proxies; });
    t.texts(
        "replay_headers", "handshake headers that later events repeat", [](C & c) -> auto& { return c.replay_headers; });
    t.choice(
         "http", "requests without an upgrade: 426, or passed through to the app", [](C & c) -> auto& { return c.http; })
        .live = false;
    t.duration(
        "pass.timeout", "with http: pass: time to wait for a slot, and then for the first byte of the answer; longer: 503, 504",
        10ms, [](C & c) -> auto& { return c.pass.timeout; });
    t.number(
        "pass.concurrency", "with http: pass: requests in flight; more wait", 1, 100'000,
        [](C & c) -> auto& { return c.pass.concurrency; });
}

void push_settings(table<C>& t) {
    t.choice(
        "on_gap", "after a gap in the subscription: do nothing, or close the clients with 4010",
        [](C & c) -> auto& { return c.on_gap; });
    t.texts("channels", "kinds of channels that this pod subscribes to", [](C & c) -> auto& { return c.channels; },
            {"user", "alias", "group", "connection", "destination", "all"})
        .live = false;
    t.text(
         "outbox.key", "the outbox's key, without the prefix", [](C & c) -> auto& { return c.outbox.key; })
        .live = false;
    t.choice(
         "outbox.pop", "left for apps that RPUSH, right for apps that LPUSH", [](C & c) -> auto& { return c.outbox.pop; })
        .live = false;
    t.choice(
        "outbox.confirm", "what counts as delivered: the client's pong, or handing the message to the kernel",
        [](C & c) -> auto& { return c.outbox.confirm; });
    t.duration(
        "outbox.grace", "how long pushes wait for a user who has just disconnected", 0ms,
        [](C & c) -> auto& { return c.outbox.grace; });
    t.duration(
        "outbox.dedup_window", "time in which a connection gets pushes with the same id only once", 0ms,
        [](C & c) -> auto& { return c.outbox.dedup_window; });
    t.choice(
        "outbox.receipts", "receipts for groups and all: one summary, or one for each connection",
        [](C & c) -> auto& { return c.outbox.receipts; });
    t.text(
        "outbox.receipt_prefix", "another allowed start of receipt keys; empty: only the prefix",
        [](C & c) -> auto& { return c.outbox.receipt_prefix; });
    t.size(
         "outbox.max_envelope", "size of an entry of the outbox, or of what sources read; more: rejected, too_large", 1024,
         [](C & c) -> auto& { return c.outbox.max_envelope; }, envelope_at_most)
        .live = false;
    t.text(
        "push.secret_file", "file with secrets for envelopes, one per line: the first signs, all verify",
        [](C & c) -> auto& { return c.push.secret_file; });
    t.flag(
        "push.require_signature", "reject unsigned envelopes, and close the addressed channels, which cannot carry a signature",
        [](C & c) -> auto& { return c.push.require_signature; });
    t.number(
        "inbox.count", "pushes waiting for one instance", 1, 100'000'000, [](C & c) -> auto& { return c.inbox.count; });
    t.size(
        "inbox.bytes", "their bytes", 1024, [](C & c) -> auto& { return c.inbox.bytes; }, in_redis);
    t.flag(
        "readyz.redis", "not ready while Redis is not working", [](C & c) -> auto& { return c.readyz.redis; });
    t.flag(
        "readyz.app", "not ready while the app does not accept connections", [](C & c) -> auto& { return c.readyz.app; });
    t.number(
        "mailbox.count", "pushes kept for one user", 1, 10'000'000, [](C & c) -> auto& { return c.mailbox.count; });
    t.size(
        "mailbox.bytes", "their bytes", 1024, [](C & c) -> auto& { return c.mailbox.bytes; }, in_redis);
    t.duration(
        "mailbox.age", "how long a push is kept", 1s, [](C & c) -> auto& { return c.mailbox.age; });
    t.number(
        "rejected.count", "length of the list of rejected envelopes", 1, 10'000'000,
        [](C & c) -> auto& { return c.rejected.count; });
    t.size(
        "rejected.bytes", "what that list takes in Redis; more: the oldest go", 4UL * 1024,
        [](C & c) -> auto& { return c.rejected.bytes; }, in_redis);
}

void limit_settings(table<C>& t) {
    shared_settings(t);
    t.size(
         "limits.sndbuf", "SO_SNDBUF of clients' sockets; 0: the kernel's own", 0,
         [](C & c) -> auto& { return c.limits.sndbuf; })
        .live = false;
    t.percent(
        "limits.memory",
        "share of the cgroup's memory; above it new upgrades get 503, and the connections that hold most are closed",
        [](C & c) -> auto& { return c.limits.memory; });
    t.duration(
        "drain.delay", "time between becoming unready and refusing upgrades, so that load balancers can notice", 0ms,
        [](C & c) -> auto& { return c.drain.delay; });
    t.duration(
        "drain.period", "time over which the closes are spread", 0ms, [](C & c) -> auto& { return c.drain.period; });
}

void observing_settings(table<C>& t) {
    t.choice(
        "log.level", "lowest level that is logged", {"debug", "info", "warn", "error"},
        [](C & c) -> auto& { return c.log.level; });
    t.choice(
        "log.format", "auto: text on a terminal, else json", [](C & c) -> auto& { return c.log.format; });
    t.text(
        "tracing.otlp", "collector for spans by OTLP/HTTP (JSON), like http://127.0.0.1:4318; empty: off",
        [](C & c) -> auto& { return c.tracing.otlp; });
    t.share(
        "tracing.sample",
        "share of traces that are recorded, 0 to 1: of those that start here and of those that clients ask to have recorded",
        [](C & c) -> auto& { return c.tracing.sample; });
    t.choice(
        "tracing.callers",
        "traces that a client's traceparent asks to have recorded: sample: that share; trust: all, from peers in "
        "trusted_proxies",
        [](C & c) -> auto& { return c.tracing.callers; });
    t.text(
        "tracing.service", "service.name of the spans", [](C & c) -> auto& { return c.tracing.service; });
    t.text(
         "relay.address", "a STOMP broker for the app's own relay, like 127.0.0.1:61613; empty: off",
         [](C & c) -> auto& { return c.relay.address; })
        .live = false;
}

std::vector<setting> make_settings() {
    table<C> t;
    listen_and_admin_settings(t);
    app_settings(t);
    redis_settings(t);
    redis_tls_settings(t);
    connection_settings(t);
    push_settings(t);
    limit_settings(t);
    observing_settings(t);
    return std::move(t.entries);
}

}  // namespace

const std::vector<setting>& settings() {
    static const std::vector<setting> table = make_settings();
    return table;
}

std::string environment_name(std::string_view key) {
    std::string name = "WSIDECAR_";
    for (const char c : key) {
        name += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    return name;
}

}  // namespace wsidecar::config
