// The tables of what stands in the lists of the configuration: routes, sources, history.

#include <utility>

#include "config/settings.hpp"
#include "config/settings_table.hpp"

namespace wsidecar::config {
namespace {

using R = route;
using S = source;
using H = history_rule;

// A script reads the whole history of a name at once.
constexpr std::uint64_t most_in_history = 1000;
constexpr std::uint64_t bytes_in_history = 4ULL * 1024 * 1024;

void message_settings(table<R>& t) {
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
        "sse", "with raw: a GET with Accept: text/event-stream (EventSource) is a connection that only receives",
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
}

void token_settings(table<R>& t) {
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
}

void stomp_settings(table<R>& t) {
    t.texts(
        "app_prefixes", "stomp: SEND and SUBSCRIBE to these or below them become events, POSTed to the destination as path",
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
}

void route_limit_settings(table<R>& t) {
    shared_settings(t);
    t.size(
        "limits.frame", "stomp: size of a frame; more: ERROR and 1002", 256, [](R & r) -> auto& { return r.limits.frame; });
    t.duration(
        "limits.first_frame",
        "stomp: time until CONNECT; longer: ERROR and 1002. At max_connections, the oldest one that has had 2 s makes "
        "room for the next client",
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
    table<R> t;
    message_settings(t);
    token_settings(t);
    stomp_settings(t);
    route_limit_settings(t);
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
    names("route", "with the others: only connections of these routes (routes[].name)", &source_targets::routes);
}

std::vector<source_setting> make_source_settings() {
    table<source> t;
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
        "from", "where to start in a stream that has no such group yet: with new entries, or with the first one",
        [](S & s) -> auto& { return s.from; });
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

}  // namespace wsidecar::config
