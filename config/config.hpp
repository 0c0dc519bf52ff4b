#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/choice.hpp"

/// The whole configuration as plain values with their defaults (config/README.md). Durations are milliseconds,
/// sizes bytes. A member's name is its key in the file; nested structs are nested maps.
namespace wsidecar::config {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

struct tls_files {
    std::string cert;       ///< PEM file, certificate chain; empty: no TLS
    std::string key;        ///< PEM file
    std::string client_ca;  ///< PEM file of the authorities of clients' certificates; empty: none is asked for
    choice<client_certificates> client_auth = "require";  ///< require | request
};

struct listen {
    std::string address = "0.0.0.0:8000";  ///< host:port; port 0: any
    bool proxy_protocol = false;           ///< each connection begins with a PROXY protocol header
    tls_files tls;
};

struct admin {
    std::string address = "0.0.0.0:9090";
    std::string token;                          ///< what token_file holds
    std::string token_file;                     ///< bearer token for callers that are not on loopback; empty: loopback only
    choice<loopback_access> loopback = "open";  ///< open | token: callers on loopback need the token, too
};

struct retry {
    milliseconds deadline = 30s;        ///< for an event, while the app accepts connections
    milliseconds down_deadline = 5min;  ///< while it does not
    milliseconds lost_event_age = 24h;  ///< a disconnect event that no instance's app takes is given up after this
    bool ambiguous = false;             ///< send again what the app may have done
};

struct app {
    std::string url = "http://127.0.0.1:8080";  ///< or unix:/path
    milliseconds timeout = 10s;
    std::uint32_t concurrency = 64;
    std::string host = "preserve";  ///< the client's Host, or a fixed value
    std::uint64_t max_header = 8 * 1024;
    std::uint64_t max_answer = 1024 * 1024;    ///< bytes of an answer's body
    std::string health;                        ///< path asked by readyz; empty: a TCP connection is enough
    std::vector<std::string> signing_secrets;  ///< Standard Webhooks; two while one is being replaced
    std::string signing_secret_file;
    struct retry retry;
};

struct redis_tls {
    std::string ca;
    std::string cert;
    std::string key;
    std::string server_name;
    bool verify = true;
};

/// How sentinels are spoken to, where that is not as Redis itself.
struct redis_sentinel {
    std::string username;
    std::string password;  ///< empty: none, or Redis' own for sentinels that ask for one
    std::string password_file;
    struct tls : redis_tls {                ///< what is empty is as in redis.tls
        choice<sentinel_tls> use = "auto";  ///< auto: as the URL says | always | never
    } tls;
};

struct redis {
    std::string url = "redis://127.0.0.1:6379/0";  ///< redis://, rediss://, unix://, none
    std::string username;
    std::string password;
    std::string password_file;
    bool sharded = false;
    bool cluster = false;
    std::vector<std::string> sentinels;  ///< host:port
    std::string master;                  ///< the name that the sentinels know
    redis_sentinel sentinel;
    redis_tls tls;
};

struct outbox {
    std::string key = "outbox";             ///< behind the prefix
    choice<list_end> pop = "left";          ///< left | right
    choice<confirmation> confirm = "pong";  ///< pong | write
    milliseconds grace = 30s;
    milliseconds dedup_window = 60s;
    choice<receipt_kind> receipts = "summary";  ///< summary | each
    std::string receipt_prefix;
    std::uint64_t max_envelope = 1024 * 1024;  ///< bytes of an entry of the outbox, or of a list or stream of `sources`
};

/// Signatures of envelopes, so that who can write to Redis cannot speak for the app.
struct push {
    std::vector<std::string> secrets;  ///< what secret_file holds; the first signs, all verify; none: no signature is looked at
    std::string secret_file;
    bool require_signature = false;
};

struct inbox {
    std::uint64_t count = 100000;
    std::uint64_t bytes = 64ULL * 1024 * 1024;
};

struct mailbox {
    std::uint64_t count = 1000;
    std::uint64_t bytes = 1024 * 1024;
    milliseconds age = 24h;
};

struct rejected {
    std::uint64_t count = 10000;
    std::uint64_t bytes = 16 * 1024 * 1024;  ///< what the list takes in Redis
};

struct readyz {
    bool redis = false;
    bool app = true;
};

struct limits {
    std::uint64_t message = 128 * 1024;  ///< after inflating
    std::uint32_t fragments = 4096;
    std::uint64_t headers = 16 * 1024;
    std::uint32_t header_count = 100;
    milliseconds handshake = 10s;
    milliseconds message_time = 60s;        ///< from a message's or a frame's first byte to its last
    std::uint32_t messages_per_second = 0;  ///< 0: off
    std::uint64_t queue = 1024 * 1024;
    std::uint64_t sndbuf = 128 * 1024;
    std::uint64_t frame = 64 * 1024;                 ///< of STOMP
    milliseconds first_frame = 60s;                  ///< until a STOMP client has said CONNECT; 2 s while the pod is full
    std::uint32_t subscriptions = 1000;              ///< of one STOMP client
    std::uint32_t patterns = 1000;                   ///< of them with wildcards
    std::uint32_t subscriptions_per_second = 100;    ///< SUBSCRIBE and UNSUBSCRIBE of one client; more wait; 0: off
    std::uint64_t unacknowledged = 4 * 1024 * 1024;  ///< list pushes of one client that wait for their ACK
    milliseconds ack_time = 60s;                     ///< how long one waits for it
    std::uint32_t memory = 80;                       ///< percent of the cgroup's limit
};

/// The latest pushes of the list to these names are kept for who joins later.
struct history_rule {
    std::string name;  ///< `group:` or `destination:` and a name in which * stands for anything; or `all`
    std::uint32_t count = 50;
    std::uint64_t bytes = 1024 * 1024;  ///< of one name
    milliseconds age = 10min;
    int line = 0;
    int column = 0;
};

/// Of `http: pass`.
struct pass {
    milliseconds timeout = 60s;  ///< for a place, and from the whole request to the first byte of the answer
    std::uint32_t concurrency = 256;
};

/// Of `protocol: stomp` (proto/README.md, STOMP).
struct stomp {
    std::vector<std::string> app_prefixes{"/app"};
    std::vector<std::string> broker_prefixes{"/topic", "/queue"};
    std::string user_prefix = "/user";
    bool broadcast = false;             ///< clients may SEND to broker destinations
    bool patterns = true;               ///< clients may subscribe to /topic/*
    milliseconds heartbeat_send = 10s;  ///< what the server offers to send, and wants to get; 0: nothing
    milliseconds heartbeat_receive = 10s;
};

struct drain {
    milliseconds delay = 5s;
    milliseconds period = 20s;
};

/// A STOMP broker for the co-located app's own relay (Spring's enableStompBrokerRelay).
struct relay {
    std::string address;  ///< empty: off
};

struct log {
    std::string level = "info";          ///< debug | info | warn | error
    choice<log_format> format = "auto";  ///< json | text | auto: text on a terminal
};

/// Export of spans by OTLP over HTTP.
struct tracing {
    std::string otlp;      ///< the collector, http://host:port or unix:/path; empty: off
    double sample = 0.01;  ///< share of the traces that begin here, and of those that clients want recorded, 0 to 1
    choice<trace_callers> callers = "sample";  ///< sample | trust: what a peer of trusted_proxies wants recorded is
    std::string service = "wsidecar";          ///< service.name
};

/// A route's JSON Web Tokens: with neither file none is asked for.
struct jwt {
    std::string jwks_file;
    std::string secret_file;
    std::string issuer;                 ///< empty: not looked at
    std::vector<std::string> audience;  ///< one of them is the token's; empty: a token has none
    std::vector<std::string> from{"header",
                                  "subprotocol"};  ///< header | cookie | cookie:NAME | subprotocol | query | query:NAME
    std::string user = "sub";                      ///< claim, or a JSON Pointer; empty: none
    std::string groups;
    milliseconds leeway = 30s;

    std::string jwks;                  ///< what jwks_file holds
    std::vector<std::string> secrets;  ///< what secret_file holds

    bool on() const { return !jwks_file.empty() || !secret_file.empty(); }
};

/// A route; complete: what the file leaves out is taken from the global settings.
struct route {
    std::string path = "/ws/{rest...}";
    std::string name;  ///< what a push's `route` calls it; empty: the path
    choice<client_protocol> protocol = "raw";
    std::vector<std::string> events{"connect", "message", "disconnect"};
    std::string event_path;  ///< empty: the path that the client opened
    std::string user;        ///< template of path variables
    std::vector<std::string> groups;
    milliseconds ping = 25s;
    milliseconds pong_timeout = 10s;
    std::vector<std::string> origins{"same"};  ///< "same", "*", or exact origins
    std::vector<std::string> forward_headers;
    struct limits limits;
    std::string content_type = "auto";
    choice<on_unauthorized_action> on_unauthorized = "close";  ///< close | keep
    choice<on_reject_action> on_reject = "keep";               ///< close | keep
    choice<slow_consumer_action> slow_consumer = "close";      ///< close | drop_oldest | collapse | mailbox
    bool deflate = false;
    choice<route_confirmation> confirm = "";  ///< what counts as delivered on this route: pong | write; empty: outbox.confirm
    struct inbound {
        std::string publish;  ///< channel that the client's messages are published to; empty: none
        std::string rpush;    ///< list that they are appended to
    } inbound;
    int line = 0;  ///< where it stands in the file
    int column = 0;
    std::vector<std::string> subprotocols;  ///< offered ones that are accepted without the app's word
    struct jwt jwt;
    struct stomp stomp;
    bool sockjs = false;  ///< beside stomp
    bool sse = false;     ///< beside raw: a GET with Accept: text/event-stream is a connection that only receives
    static constexpr const char* known_library = "https://cdn.jsdelivr.net/npm/sockjs-client@1.6.1/dist/sockjs.min.js";
    static constexpr const char* known_integrity = "sha384-svdnwiXBL+Js+yUneJSRFy24NgGiOfDM/vkQl/vCeVrcbYD6yW8EwPr1FnxTEZsR";
    /// The client that SockJS's iframe page loads: of the version that the pages use.
    std::string sockjs_library = known_library;
    std::string sockjs_integrity;  ///< its hash (Subresource Integrity); empty: known, or of this host

    /// What the page names beside the library; empty: nothing.
    std::string library_integrity() const {
        return sockjs_integrity.empty() && sockjs_library == known_library ? known_integrity : sockjs_integrity;
    }
    const std::string& called() const { return name.empty() ? path : name; }
    bool has_sockjs() const { return sockjs || protocol == "sockjs"; }
    bool has_event(std::string_view event) const {
        for (const auto& e : events) {
            if (e == event) {
                return true;
            }
        }
        return false;
    }
};

/// Names as templates: `{/json/pointer}` into the payload, `{channel}`, `{1}` for the first * of a pattern.
struct source_targets {
    std::vector<std::string> users;
    std::vector<std::string> aliases;
    std::vector<std::string> groups;
    std::vector<std::string> connections;
    std::vector<std::string> destinations;
    std::vector<std::string> routes;  ///< no templates: names of routes
    bool all = false;
};

/// A channel, pattern, list or stream that an app already writes (proto/README.md, Existing channels and lists). One of the four has a name.
struct source {
    std::string channel;
    std::string pattern;
    std::string list;
    std::string stream;
    std::string field;                  ///< of a stream: the field that is the payload; empty: the whole entry as a JSON object
    std::string group;                  ///< of a stream: its consumer group; empty: `prefix` without the colon at its end
    choice<stream_start> from = "new";  ///< of a stream, where there is no such group: new | start
    choice<list_end> pop = "left";      ///< of a list: left | right
    choice<key_encoding> key_format = "text";  ///< of a list or stream: text | jdk (RedisTemplate's default)
    std::string format = "auto";               ///< auto | text | json | jackson | jdk | fastjson
    source_targets to;
    source_targets except;
    std::string id;       ///< JSON Pointer to the push's id; empty: it is made up
    std::string data;     ///< JSON Pointer to what is sent; empty: the whole payload
    std::string headers;  ///< JSON Pointer to an object: STOMP headers; empty: none
    struct delivered {
        std::string post;  ///< path of the app that is told after delivery; empty: none
        std::string body;  ///< JSON Pointer, `*` for every element: what it is told, as an array
    } delivered;
    choice<confirmation> confirm = "pong";  ///< what counts as delivered: pong | write
    bool echo = true;                       ///< false: who sent a message through `inbound` does not get it back
    int line = 0;
    int column = 0;
};

struct config {
    struct listen listen;
    struct admin admin;
    struct app app;
    struct redis redis;
    std::string prefix = "wsidecar:";
    std::uint32_t shards = 1;
    milliseconds lease = 15s;
    milliseconds ping = 25s;
    milliseconds pong_timeout = 10s;
    std::uint32_t max_connections = 50000;
    std::uint32_t accept_rate = 0;
    std::uint32_t connections_per_user = 0;
    std::uint32_t connections_per_address = 0;
    std::uint32_t handshakes_per_user = 10;      ///< a second
    std::uint32_t handshakes_per_address = 100;  ///< a second
    choice<excess_action> on_excess = "refuse";  ///< refuse | close_oldest
    std::vector<std::string> origins{"same"};
    std::vector<std::string> trusted_proxies{"private"};
    std::vector<std::string> forward_headers;
    std::vector<std::string> replay_headers{"Cookie",          "Authorization", "User-Agent",
                                            "Accept-Language", "X-Forwarded-*", "X-Real-IP"};
    choice<plain_http> http = "reject";  ///< reject | pass
    struct pass pass;
    choice<gap_action> on_gap = "ignore";  ///< ignore | close
    std::vector<std::string> channels{"user", "alias", "group", "connection", "destination", "all"};
    struct outbox outbox;
    struct push push;
    struct inbox inbox;
    struct readyz readyz;
    struct mailbox mailbox;
    struct rejected rejected;
    struct limits limits;
    struct drain drain;
    struct log log;
    struct tracing tracing;
    struct relay relay;
    std::vector<route> routes{route{}};
    std::vector<source> sources;
    std::vector<history_rule> history;  ///< the first that fits a name is its
};

}  // namespace wsidecar::config
