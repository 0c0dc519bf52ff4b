#include "config/settings.hpp"

#include <utility>

#include "config/setting_table.hpp"

namespace wsidecar::config {
namespace {

// A script reads the whole history of a name at once.
constexpr std::uint64_t most_in_history = 1000;
constexpr std::uint64_t bytes_in_history = 4ULL * 1024 * 1024;
constexpr std::uint64_t in_redis = 1ULL << 40U;  ///< of sizes that only Redis' scripts count with

/// What exists globally and for each route.
template <class Struct>
void shared_settings(table<Struct>& t) {
    t.duration(
        "ping",
        "wsidecar pings after this much silence; keep it below the 60 s at which proxies cut idle connections; 0: never", 0ms,
        [](Struct & c) -> auto& { return c.ping; });
    t.duration(
        "pong_timeout", "a client that has not answered a ping within this time is closed (1006)", 100ms,
        [](Struct & c) -> auto& { return c.pong_timeout; });
    t.texts(
        "origins", "pages that may connect with cookies: same, \"*\", or exact origins",
        [](Struct & c) -> auto& { return c.origins; });
    t.texts(
        "forward_headers", "more handshake headers for the events: names, or prefixes like X-*",
        [](Struct & c) -> auto& { return c.forward_headers; });
    t.size(
        "limits.message", "size of a client's message, after inflating; more: 1009", 1,
        [](Struct & c) -> auto& { return c.limits.message; });
    t.number(
        "limits.fragments", "fragments of one message; more: 1008", 1, 1'000'000,
        [](Struct & c) -> auto& { return c.limits.fragments; });
    t.number(
        "limits.messages_per_second", "messages of one client; more: 1008; 0: no limit", 0, 1'000'000,
        [](Struct & c) -> auto& { return c.limits.messages_per_second; });
    t.size(
        "limits.headers", "size of a request's head; more: 431", 1024, [](Struct & c) -> auto& { return c.limits.headers; });
    t.number(
        "limits.header_count", "headers of a request; more: 431", 1, 10'000,
        [](Struct & c) -> auto& { return c.limits.header_count; });
    t.duration(
        "limits.handshake", "time for the whole request head", 100ms, [](Struct & c) -> auto& { return c.limits.handshake; });
    t.duration(
        "limits.message_time", "time from the first byte of a message or frame to its last; longer: 1008", 100ms,
        [](Struct & c) -> auto& { return c.limits.message_time; });
    t.size(
        "limits.queue", "bytes waiting for one client; more: slow_consumer decides", 1024,
        [](Struct & c) -> auto& { return c.limits.queue; });
}

/// How many connections, and how often.
void connection_settings(table<config>& t) {
    using C = config;
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
        "the same for one address (IPv6: /64), which may be an office's; not for a proxy in trusted_proxies that names no "
        "client",
        0, 1'000'000, [](C & c) -> auto& { return c.handshakes_per_address; });
    t.choice(
        "on_excess", "over connections_per_user: refuse the new one (503), or close the oldest (4001)",
        [](C & c) -> auto& { return c.on_excess; });
}

std::vector<setting> make_settings() {
    table<config> t;
    using C = config;
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
    t.text(
         "prefix",
         "start of all keys and channels; use one for each service and stage, because pub/sub ignores database numbers",
         [](C & c) -> auto& { return c.prefix; })
        .live = false;
    t.number(
         "shards",
         "hash tags that the names of the service are spread over, for a Redis Cluster; more than 1: the prefix has one", 1, 64,
         [](C & c) -> auto& { return c.shards; })
        .live = false;
    t.duration(
         "lease", "an instance that has not renewed its lease for this long is dead", 1s,
         [](C & c) -> auto& { return c.lease; })
        .live = false;
    connection_settings(t);
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
    return std::move(t.entries);
}

void stomp_limits(table<route>& t) {
    using R = route;
    t.size(
        "limits.frame", "stomp: size of a frame; more: ERROR and 1002", 256, [](R & r) -> auto& { return r.limits.frame; });
    t.duration(
        "limits.first_frame",
        "stomp: time until CONNECT; longer: ERROR and 1002. At max_connections, who has had 2 s makes room for the next "
        "client, the oldest first",
        100ms, [](R & r) -> auto& { return r.limits.first_frame; });
    t.number(
        "limits.subscriptions", "stomp: subscriptions of one client; more: ERROR and 1002", 1, 100'000,
        [](R & r) -> auto& { return r.limits.subscriptions; });
    t.number(
        "limits.patterns", "stomp: of these, with wildcards; more: ERROR and 1002", 1, 100'000,
        [](R & r) -> auto& { return r.limits.patterns; });
    t.number(
        "limits.subscriptions_per_second",
        "stomp: SUBSCRIBE and UNSUBSCRIBE of one client, after a first limits.subscriptions; more wait; 0: no limit", 0,
        1'000'000, [](R & r) -> auto& { return r.limits.subscriptions_per_second; });
    t.size(
        "limits.unacknowledged", "stomp: outbox pushes of one client that wait for their ACK; more: ERROR and 1013", 1024,
        [](R & r) -> auto& { return r.limits.unacknowledged; });
    t.duration(
        "limits.ack_time", "stomp: how long an outbox push waits for its ACK; longer: ERROR and 1013", 100ms,
        [](R & r) -> auto& { return r.limits.ack_time; });
}

std::vector<route_setting> make_route_settings() {
    table<route> t;
    using R = route;
    t.text(
        "path", "pattern: /ws/{table}/{rest...}", [](R & r) -> auto& { return r.path; });
    t.text(
        "name", "what `route` in a push's `to` calls it; empty: the path", [](R & r) -> auto& { return r.name; });
    t.choice(
        "protocol",
        "raw: the app's own messages; stomp: STOMP 1.0 to 1.2, as in Spring; sockjs: raw messages for SockJS clients",
        [](R & r) -> auto& { return r.protocol; });
    t.flag(
        "sockjs", "with protocol: stomp: also for SockJS clients (withSockJS())", [](R & r) -> auto& { return r.sockjs; });
    t.flag(
        "sse", "beside raw: a GET with Accept: text/event-stream (EventSource) is a connection that only receives",
        [](R & r) -> auto& { return r.sse; });
    t.text(
        "sockjs_library", "URL of the SockJS client for the iframe page, in the version that your pages use",
        [](R & r) -> auto& { return r.sockjs_library; });
    t.text(
        "sockjs_integrity", "its hash (sha384-...); required if the library is on another host",
        [](R & r) -> auto& { return r.sockjs_integrity; });
    t.texts("events", "events that the app gets", [](R & r) -> auto& { return r.events; },
            {"connect", "message", "subscribe", "unsubscribe", "disconnect"});
    t.text(
        "event_path", "path for events, instead of the opened one: /ws-events/{event}",
        [](R & r) -> auto& { return r.event_path; });
    t.text(
        "user", "the user from the path: \"{userId}\"", [](R & r) -> auto& { return r.user; });
    t.texts(
        "groups", "groups from the path: [\"table-{table}\"]", [](R & r) -> auto& { return r.groups; });
    t.text(
        "content_type", "Content-Type of message events; auto: JSON, text or bytes, depending on the message",
        [](R & r) -> auto& { return r.content_type; });
    t.choice(
        "on_unauthorized", "after a 401 or redirect for a message: close with 4401, or keep the connection",
        [](R & r) -> auto& { return r.on_unauthorized; });
    t.choice(
        "on_reject", "after the app rejects a message: keep the connection, or close with 1008",
        [](R & r) -> auto& { return r.on_reject; });
    t.choice(
        "slow_consumer",
        "over limits.queue: close with 1013; drop the oldest message; drop all waiting messages; or close, and keep outbox "
        "pushes in "
        "the mailbox",
        [](R & r) -> auto& { return r.slow_consumer; });
    t.flag(
        "deflate", "permessage-deflate: messages of 128 bytes and more are compressed for clients that offer it",
        [](R & r) -> auto& { return r.deflate; });
    auto& confirm = t.choice(
        "confirm",
        "what counts as delivered to this route's clients: the pong, or handing the message to the kernel, for clients that "
        "answer "
        "no pings; default: outbox.confirm",
        [](R & r) -> auto& { return r.confirm; });
    confirm.set = [word = confirm.set](R& r, const std::vector<std::string>& v) -> wrong {
        if (!v.empty() && v.front().empty()) {
            r.confirm = "";  // outbox.confirm
            return std::nullopt;
        }
        return word(r, v);
    };
    t.text(
        "inbound.publish", "channel that clients' messages are published to, in addition to the message event or instead of it",
        [](R & r) -> auto& { return r.inbound.publish; });
    t.text(
        "inbound.rpush", "list that clients' messages are appended to", [](R & r) -> auto& { return r.inbound.rpush; });
    t.texts(
        "subprotocols", "accepted subprotocols; the app's Ws-Subprotocol has precedence",
        [](R & r) -> auto& { return r.subprotocols; });
    t.text(
        "jwt.jwks_file",
        "JSON Web Key Set: clients need a JSON Web Token (RS256, ES256, EdDSA) that one of its keys has signed",
        [](R & r) -> auto& { return r.jwt.jwks_file; });
    t.text(
        "jwt.secret_file", "or file with secrets for HS256, 32 bytes or more, one per line",
        [](R & r) -> auto& { return r.jwt.secret_file; });
    t.text(
        "jwt.issuer", "required `iss`; empty: any", [](R & r) -> auto& { return r.jwt.issuer; });
    t.texts(
        "jwt.audience", "accepted values of `aud`; empty: a token with `aud` is refused",
        [](R & r) -> auto& { return r.jwt.audience; });
    t.texts(
        "jwt.from",
        "places to look for the token, in this order: header (Bearer), cookie, subprotocol, query; cookie:NAME, query:NAME",
        [](R & r) -> auto& { return r.jwt.from; });
    t.text(
        "jwt.user", "claim that names the user, or a JSON Pointer to it; empty: none",
        [](R & r) -> auto& { return r.jwt.user; });
    t.text(
        "jwt.groups", "claim with groups of the connection, or a JSON Pointer to it; empty: none",
        [](R & r) -> auto& { return r.jwt.groups; });
    t.duration(
        "jwt.leeway", "allowed difference from the issuer's clock", 0ms, [](R & r) -> auto& { return r.jwt.leeway; });
    t.texts(
        "app_prefixes", "stomp: SEND and SUBSCRIBE to these become events, POSTed to the destination as path",
        [](R & r) -> auto& { return r.stomp.app_prefixes; });
    t.texts(
        "broker_prefixes", "stomp: destinations that clients subscribe to",
        [](R & r) -> auto& { return r.stomp.broker_prefixes; });
    t.text(
        "user_prefix", "stomp: prefix of destinations that belong to one user",
        [](R & r) -> auto& { return r.stomp.user_prefix; });
    t.flag(
        "broadcast", "stomp: whether clients may SEND to broker destinations",
        [](R & r) -> auto& { return r.stomp.broadcast; });
    t.flag(
        "patterns", "stomp: whether clients may subscribe to patterns like /topic/*",
        [](R & r) -> auto& { return r.stomp.patterns; });
    t.durations(
        "heartbeat", "stomp: how often the server sends heart-beats, and expects them; 0: never",
        [](R & r) -> auto& { return r.stomp.heartbeat_send; }, [](R & r) -> auto& { return r.stomp.heartbeat_receive; });
    shared_settings(t);
    stomp_limits(t);
    return std::move(t.entries);
}

/// `to` and `except` of a source.
template <class At>
void target_settings(table<source>& t, const std::string& of, At at) {
    const auto names = [&](const char* key, const char* help, auto member) {
        t.texts((of + '.' + key).c_str(), help, [=](source & s) -> auto& { return at(s).*member; });
    };
    names("user", "users, as templates: \"{/userId}\", \"{channel}\", \"{1}\", of a stream \"{entry/userId}\"",
          &source_targets::users);
    names("alias", "aliases: \"userId={/userId}\"", &source_targets::aliases);
    names("group", "groups: \"table-{/tableId}\"", &source_targets::groups);
    names("connection", "connections by id", &source_targets::connections);
    names("destination", "STOMP destinations; with a user, alias, group or connection: their own",
          &source_targets::destinations);
    names("route", "beside these: only connections of these routes (routes[].name)", &source_targets::routes);
}

std::vector<source_setting> make_source_settings() {
    table<source> t;
    using S = source;
    t.text(
        "channel", "the app's channel, without the prefix", [](S & s) -> auto& { return s.channel; });
    t.text(
        "pattern", "or a glob pattern of channels", [](S & s) -> auto& { return s.pattern; });
    t.text(
        "list", "or a list", [](S & s) -> auto& { return s.list; });
    t.text(
        "stream", "or a stream", [](S & s) -> auto& { return s.stream; });
    t.text(
        "field", "the field of a stream's entries that is the payload; empty: the whole entry, as a JSON object",
        [](S & s) -> auto& { return s.field; });
    t.text(
        "group", "the consumer group that reads the stream; empty: `prefix` without the colon at its end",
        [](S & s) -> auto& { return s.group; });
    t.choice(
        "from", "where a stream is read from that has no such group yet", [](S & s) -> auto& { return s.from; });
    t.choice(
        "pop", "the end of the list that is read", [](S & s) -> auto& { return s.pop; });
    t.choice(
        "key_format", "how the key of a list or stream is written; jdk: as RedisTemplate does by default",
        [](S & s) -> auto& { return s.key_format; });
    t.choice(
        "format", "of the payload; auto: detected by its first bytes", {"auto", "text", "json", "jackson", "jdk", "fastjson"},
        [](S & s) -> auto& { return s.format; });
    target_settings(
        t, "to", [](S & s) -> auto& { return s.to; });
    t.flag(
        "to.all", "every connection", [](S & s) -> auto& { return s.to.all; });
    target_settings(
        t, "except", [](S & s) -> auto& { return s.except; });
    t.text(
        "id", "JSON Pointer to the push's id, for dedup, receipts and `wsidecar trace`; empty: it is made up",
        [](S & s) -> auto& { return s.id; });
    t.text(
        "data", "JSON Pointer to the part that is sent; empty: the whole payload", [](S & s) -> auto& { return s.data; });
    t.text(
        "headers", "JSON Pointer to an object whose members are STOMP headers of the message; empty: none",
        [](S & s) -> auto& { return s.headers; });
    t.text(
        "delivered.post", "path of the app that is called once per push, after delivery",
        [](S & s) -> auto& { return s.delivered.post; });
    t.text(
        "delivered.body", "JSON Pointer, * for every element, to the values that it gets as a JSON array: /messageVOS/*/id",
        [](S & s) -> auto& { return s.delivered.body; });
    t.choice(
        "confirm", "what counts as delivered", [](S & s) -> auto& { return s.confirm; });
    t.flag(
        "echo", "whether the sender of an `inbound` message gets it back", [](S & s) -> auto& { return s.echo; });
    return std::move(t.entries);
}

std::vector<history_setting> make_history_settings() {
    table<history_rule> t;
    using H = history_rule;
    t.text(
        "name", "group:NAME or destination:NAME, with * for anything; or all", [](H & h) -> auto& { return h.name; });
    t.number(
        "count", "how many of the latest pushes are kept for each such name", 1, most_in_history,
        [](H & h) -> auto& { return h.count; });
    t.size(
        "bytes", "their bytes, for each name", 1024, [](H & h) -> auto& { return h.bytes; }, bytes_in_history);
    t.duration(
        "age", "how long each is kept", 1s, [](H & h) -> auto& { return h.age; });
    return std::move(t.entries);
}

}  // namespace

const std::vector<setting>& settings() {
    static const std::vector<setting> table = make_settings();
    return table;
}

const std::vector<route_setting>& route_settings() {
    static const std::vector<route_setting> table = make_route_settings();
    return table;
}

const std::vector<source_setting>& source_settings() {
    static const std::vector<source_setting> table = make_source_settings();
    return table;
}

const std::vector<history_setting>& history_settings() {
    static const std::vector<history_setting> table = make_history_settings();
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
