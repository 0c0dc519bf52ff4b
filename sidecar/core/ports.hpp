#pragma once

// What the use cases (core/gateway) need from the outside, as abstract classes. The layer above (net/, redis/) implements them and app/
// injects them. Everything runs on the event loop's one thread, and no call blocks. A callback may run before the call returns, unless
// the call says otherwise.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/envelope.hpp"
#include "sidecar/core/close_cause.hpp"
#include "sidecar/core/frame.hpp"
#include "sidecar/core/position.hpp"
#include "sidecar/core/undelivered_reason.hpp"

namespace wsidecar::core {

/// Header fields in order, names as received.
using field_list = std::vector<std::pair<std::string, std::string>>;

// ---------------------------------------------------------------------------------------------- app (HTTP)

/// One event as an HTTP POST to the app. The transport adds only Host, Content-Length and (with signing
/// secrets) the three webhook-* headers of Standard Webhooks.
struct app_request {
    std::string target;   ///< origin-form: path and query
    std::string host;     ///< value of the Host header; empty for the app's own authority
    std::string headers;  ///< complete "Name: value\r\n" lines
    std::string body;
    std::string id;         ///< ce-id, also the webhook-id
    bool reserved = false;  ///< connect and disconnect: may use the part of app.concurrency kept for them
    /// Hash of the user, or of the connection if it has none, whose message this is; 0 for none. No owner may take all places of
    /// app.concurrency.
    std::uint64_t owner = 0;
    /// Called just before a queued request is written. If it returns false, the request is dropped (`unsent`). May be empty.
    std::function<bool()> wanted;
};

enum class app_failure {
    none,       ///< there is an answer: status, headers, body
    unreached,  ///< refused, no route, or closed before the first byte of an answer
    unsent,     ///< dropped from the queue, because it was no longer wanted
    timeout,    ///< app.timeout passed after the request was written; the app may have processed it
    cut,        ///< the answer was incomplete or not HTTP; the app may have processed the request
    too_big,    ///< the answer's body is larger than app.max_answer; the app has processed the request
};

struct app_answer {
    app_failure failure = app_failure::none;
    unsigned status = 0;
    field_list headers;
    std::string body;
};

/// The app in the same pod. Requests use keep-alive connections; at most app.concurrency run at once, and others are queued. Event loop only.
class app_port {
public:
    virtual ~app_port() = default;
    /// Sends a request. Does not retry, except immediately on a new connection if the app had closed the kept-alive one.
    virtual void send(app_request request, std::function<void(app_answer)> done) = 0;
    /// Whether the latest TCP connection attempt to the app succeeded.
    virtual bool accepting() const = 0;
};

// ------------------------------------------------------------------------------------- registry and pushes

/// The complete registration of one connection. The registry works out what has changed.
struct registration {
    std::string connection;  ///< connection id
    std::string user;        ///< empty if not known (yet)
    std::vector<std::string> aliases;
    std::vector<std::string> groups;
    /// STOMP subscriptions: "d" and the destination, "p*" for any pattern, "q" and proto::subscription_name for the user and each alias.
    std::vector<std::string> names;
    bool subscribes = false;  ///< speaks STOMP, and so gets only pushes to its subscriptions
    std::string path;         ///< without query
    std::string state;        ///< Ws-State
    std::string since;        ///< RFC 3339
    std::string route;        ///< name of its route in `to`

    /// A registration with only an id.
    static registration of_id(std::string connection) {
        registration r;
        r.connection = std::move(connection);
        return r;
    }
};

enum class enroll_outcome {
    done,     ///< registered and subscribed, confirmed by Redis
    down,     ///< Redis is away; the registration is written when it is back
    refused,  ///< connections_per_user reached (only with a limit given)
};

struct enroll_result {
    enroll_outcome outcome = enroll_outcome::down;
    std::optional<std::uint32_t> user_connections;  ///< number on all instances, including this one
    std::uint32_t mailbox = 0;                      ///< number of kept pushes now under way to this connection
};

/// The push that closes a user's oldest connection (`on_excess: close_oldest`), on whichever instance it is.
inline proto::envelope eviction_of(std::string connection) {
    proto::envelope e;
    e.to.connections = {std::move(connection)};
    e.close = proto::close_order{4001, "too many connections of this user"};
    return e;
}

/// Identifies an outbox push while it is being delivered. 0 is a channel push whose outcome is not reported.
using delivery_id = std::uint64_t;

/// Bit of a delivery_id: the client's pong confirms the push. Without it, the push is confirmed when the kernel has taken it.
inline constexpr delivery_id confirm_by_pong = 1ULL << 62U;
/// Bit of a delivery_id: the push came through a channel and not from the outbox, but its outcome is reported.
inline constexpr delivery_id of_channel = 1ULL << 61U;

/// Where a push comes from.
struct push_origin {
    delivery_id id = 0;       ///< 0 for a channel push without a report
    bool again = false;       ///< it was routed before, so some receivers may have it already
    bool everywhere = false;  ///< every instance gets it, so a name without a connection here is no failure
    bool mailbox = false;     ///< kept for the one connection that it is addressed to; goes before live pushes
    bool in_order = false;    ///< with `mailbox`: histories may have it, or what was pushed before it to the same name
    bool receipt = false;     ///< the outcome must name the connection that confirmed it
    bool each = false;        ///< the outcome must list every connection
    bool kept =
        false;  ///< pushed to an audience while its receiver was between two connections; on_claimed() follows after the last one
    place routed{};      ///< place of this routing as this shard has it; zero for a channel push
    unsigned shard = 0;  ///< shard of `routed`
    place at{};          ///< place of the first routing, as in histories and event ids, with its shard; zero for a channel push
};

/// Whether survivors send the disconnect events of an instance that was declared dead.
enum class ends_told : std::uint8_t {
    yes,
    no,       ///< the data have none of its connections
    perhaps,  ///< Redis has lost some of its connections, or events that no app had taken
};

/// The outcome of an outbox push at one connection.
enum class delivery_end : std::uint8_t { delivered, dropped };
constexpr const char* word(delivery_end e) {
    return e == delivery_end::delivered ? "delivered" : "dropped";
}

/// The outcome of an outbox push at this instance.
struct delivery_outcome {
    struct at_connection {
        std::string connection;
        std::string user;
        delivery_end outcome{};
        std::optional<undelivered_reason> reason;  ///< why it was dropped
    };
    std::uint32_t reached = 0;     ///< connections that confirmed it, now or before it was routed again
    std::uint32_t duplicates = 0;  ///< connections that had been sent another push with the same id
    std::uint32_t dropped = 0;     ///< connections that did not get it and have no name to route it to again
    undelivered_reason why_dropped = undelivered_reason::connection_gone;  ///< reason of the last drop
    bool expired = false;
    bool not_for_it =
        false;  ///< the push is not for the receivers here: they are excepted, have left the audience, or get it as a kept push
    std::string connection;  ///< the first connection that confirmed it
    /// Names (with their kind in front) to route it to again, because their connection here ended before it confirmed the push, or was expected
    /// here. A letter before the name: "k" puts it into the mailbox unless somebody has it; "x" puts it into the mailbox, because the
    /// connections here are excepted; "n" means that the client refused it (NACK).
    std::vector<std::string> lost;
    /// Names that had no connection here when the push arrived, so the registry was wrong. The number of such attempts is limited.
    std::vector<std::string> failed;
    std::vector<at_connection> each;  ///< with push_origin::each

    /// Why no connection here confirmed it, if it was dropped or a duplicate.
    undelivered_reason why_missed() const { return duplicates > 0 ? undelivered_reason::duplicate : why_dropped; }
};

/// A connection of a dead instance: what Redis stores for its disconnect event.
struct lost_connection {
    std::string connection;
    std::string instance;  ///< the dead instance, which is the event's ce-source
    std::string user;
    std::string path;
    std::string state;
    std::optional<std::uint32_t> user_connections;  ///< connections that the user has left on all instances
    std::uint16_t close_code = 1006;
    std::string close_reason;
    std::string reason = "pod_lost";                ///< ws-reason of the event; empty for none
    std::chrono::system_clock::time_point since{};  ///< when the event was first due; the epoch if not known
};

/// A request for the histories of names.
struct history_question {
    struct name {
        std::string target;       ///< with its kind in front: "g" or "d", or "*" for all
        std::uint32_t count = 0;  ///< how many of the latest pushes; ignored if `after` is set. 0: only the place matters
    };
    std::vector<name> names;
    std::optional<position> after;  ///< asks for all pushes behind this position that are in the histories
    position joined{};              ///< pushes behind this position do not count towards `count`; empty if all count
    bool is_known = false;          ///< the client has a user or alias, so pushes within outbox.grace are kept for it elsewhere
    std::size_t bytes = 0;          ///< the most bytes to return; the oldest pushes are left out
};

struct history_answer {
    struct kept {
        place at;
        proto::envelope push;
    };
    bool answered = false;            ///< whether Redis answered for any name
    std::vector<std::string> unread;  ///< names, with their kind in front, for which it did not; only if it answered for others
    position now;  ///< last places of the orders of these names at that time; requested pushes up to them are included
    std::vector<kept> pushes;  ///< in order, each once
    /// Names (`group:table-7`, `all`) for which pushes after `after` may be missing.
    std::vector<std::string> missing;
};

/// Registry, subscriptions and publishing. Problems with Redis are a state (up()) and are not reported by exceptions. Event loop only.
class bus_port {
public:
    virtual ~bus_port() = default;
    /// Records in Redis (conn:<id>, pending) that this connection's connect event is about to be sent, so that a survivor can send the
    /// disconnect event and pushes to its id find it. `done` runs within 1 s, and at once while Redis is down.
    virtual void announce(const registration& r, std::function<void()> done) = 0;
    /// Registers a connection or brings its entry up to date; subscribes to its channels. `done` runs within 1 s, and at once while Redis is down.
    virtual void enroll(const registration& r, std::function<void(enroll_result)> done) = 0;
    /// Removes the connection from presence and routing. `last` is its last registration, in case Redis has lost it; only `connection` is
    /// set if it was never open. `done` gets the number of connections that its user has left, or nullopt if Redis did not answer.
    virtual void retire(const registration& last, std::function<void(std::optional<std::uint32_t>)> done) = 0;
    /// Removes everything about this connection from Redis, because the app has accepted its disconnect event or none is due.
    virtual void forget(const std::string& connection) = 0;
    /// Hands the connection's disconnect event to another instance, because this app has not accepted it within the deadline.
    virtual void bequeath(const lost_connection& lost) = 0;
    /// Sends a client's message to Redis unchanged: PUBLISH to `channel` and RPUSH to `list`; either may be empty. It is not repeated: while
    /// Redis is down, it is lost and counted.
    virtual void send_inbound(const std::string& connection, const std::string& channel, const std::string& list,
                              std::string_view payload) = 0;
    /// Publishes a message of a client or of an app's answer to a destination on all instances, at most once. While Redis is down, only
    /// clients of this instance get it.
    virtual void broadcast(const proto::envelope& push) = 0;
    /// Reads the histories of some names. `done` runs within 1 s, and at once while Redis is down.
    virtual void recall(history_question q, std::function<void(history_answer)> done) {
        (void)q;
        done({});
    }
    /// The position up to which this instance has received everything that was routed to it, for the shards of these names (with their
    /// kind in front).
    virtual position reached(const std::vector<std::string>& names) const {
        (void)names;
        return {};
    }
    /// An outbox push has ended at this instance. Must not call back before it returns, because the gateway iterates over its own lists
    /// meanwhile.
    virtual void settled(delivery_id id, delivery_outcome outcome) = 0;
    /// A connection that has not confirmed this push to an audience has ended, while others may still confirm it. The push may be routed
    /// again to `name` at once; delivery_outcome::lost contains the name as well. Must not call back before it returns.
    virtual void lost(delivery_id id, const std::string& name) {
        (void)id;
        (void)name;
    }
    /// Whether Redis is up, as far as known. Always true with `redis.url: none`.
    virtual bool up() const = 0;
};

/// Tags of session_port::send. The tag of an outbox push is its delivery_id; these begin at first_delivery_id.
inline constexpr std::uint64_t tag_answer = 0;       ///< part of an app's answer; its outcome is not reported
inline constexpr std::uint64_t tag_channel = 1;      ///< a channel push, delivered at most once; its outcome is not reported
inline constexpr std::uint64_t tag_protocol = 2;     ///< STOMP's own: receipts, errors, heart-beats
inline constexpr std::uint64_t tag_unconfirmed = 3;  ///< an outbox push that the client's ACK will confirm
inline constexpr std::uint64_t tag_history = 4;      ///< from a history; its outcome is not reported
inline constexpr std::uint64_t first_delivery_id = 16;

/// Whether Redis has an entry of a connection. A survivor sends disconnect events for the entries that it finds.
enum class registered : std::uint8_t {
    no,
    perhaps,  ///< it was sent, and Redis has not answered (yet)
    yes,
};

/// The functions that the bus calls. Implemented by core/gateway. Event loop only.
class push_port {
public:
    virtual ~push_port() = default;
    /// Delivers a push to the matching connections of this instance. If its id is not 0, bus_port::settled(id, ...) follows exactly once,
    /// possibly before this call returns.
    virtual void on_push(const proto::envelope& push, const push_origin& from) = 0;
    /// The registrations of all live connections, to be written again after Redis has lost its data or this instance was declared dead.
    virtual std::vector<registration> enrolled() const = 0;
    /// Whether a connection belongs to this instance: it is open, being opened, or its disconnect event has not been sent.
    virtual bool holds(const std::string& connection) const = 0;
    /// Reports the state of this connection's entry in Redis under this instance's id.
    virtual void on_registered(const std::string& connection, registered there) = 0;
    /// This instance was declared dead. What was registered is closed with 1012; its disconnect events are a survivor's, or with
    /// ends_told::perhaps this instance's, too. Connections that may have been registered are also closed and their events sent; the app
    /// recognizes a repeated event by its ce-id. The others stay open and are registered under the new id. With several shards, `whose`
    /// selects the connections whose record (conn:<id>) is in the shard where this happened; empty selects all. Not called with
    /// ends_told::no.
    virtual void on_fenced(ends_told told, const std::function<bool(const std::string& connection)>& whose) = 0;
    /// This connection has been removed from the registry. Pushes after `at` in this shard were routed without it.
    virtual void on_retired(const std::string& connection, place at, unsigned shard) {
        (void)connection, (void)at, (void)shard;
    }
    /// All pushes that were kept for this connection (push_origin::kept) have been passed to on_push.
    virtual void on_claimed(const std::string& connection) { (void)connection; }
    /// The subscription was interrupted, so channel pushes may have been missed (configuration: on_gap).
    virtual void on_gap() = 0;
    /// This instance, as the router, has finished with an outbox push. `target` is a name with its kind in front, or empty. Outcome and
    /// reason are as in receipts. Recorded for operators who look for a message.
    virtual void on_routed(std::string_view id, std::string_view target, std::string_view outcome, std::string_view reason) {
        (void)id, (void)target, (void)outcome, (void)reason;
    }
};

// -------------------------------------------------------------------------------------------------- clients

/// The socket side of an open connection; implemented by net/. Lives until it has called gateway::closed(). Event loop only.
class session_port {
public:
    virtual ~session_port() = default;
    /// Queues one encoded frame, which is written at the end of the loop turn. For tag >= first_delivery_id, gateway::confirmed(tag) follows:
    /// with outbox.confirm: pong when the peer has answered the ping sent after the frame, otherwise when the kernel has taken its last
    /// byte. If `collapse` is not 0, the frame replaces a frame with the same key that is still queued (gateway::collapsed).
    virtual void send(frame_ptr frame, std::uint64_t tag, std::uint64_t collapse = 0) = 0;
    /// As send(), for a push whose place is known.
    virtual void send_at(frame_ptr frame, std::uint64_t tag, std::uint64_t collapse, place at) {
        (void)at;
        send(std::move(frame), tag, collapse);
    }
    /// All pushes for this client up to `at` have been queued.
    virtual void came_to(const position& at) { (void)at; }
    /// Tells the client that pushes to these names may be missing.
    virtual void tell_gap(const std::vector<std::string>& names) { (void)names; }
    /// Queues a Close frame. The connection ends when the peer answers, or after a deadline.
    virtual void close(std::uint16_t code, std::string_view reason) = 0;
    /// The client has ended the session by its own protocol (STOMP's DISCONNECT). As close(), but if no answer can be expected (SockJS over
    /// HTTP, where the client may never poll again), gateway::closed() follows at the end of the loop turn.
    virtual void part(std::uint16_t code) { close(code, {}); }
    /// Ends the session because another client needs its place. For a client's own connection, gateway::closed() runs before this returns.
    virtual void make_way(close_cause cause) { close(terms(cause).code, terms(cause).text); }
    /// Stops or resumes reading messages from the socket (TCP backpressure). Ping and Close frames already read are still answered.
    virtual void pause_reading(bool pause) = 0;
    virtual std::size_t queued_bytes() const = 0;
};

// --------------------------------------------------------------------------------------------------- timers

/// One-shot timers of the event loop. Coarse: may fire up to 50 ms late.
class timer_port {
public:
    using clock = std::chrono::steady_clock;
    virtual ~timer_port() = default;
    virtual clock::time_point now() const = 0;
    virtual std::chrono::system_clock::time_point wall() const = 0;
    /// Runs `f` once after `d`. The handle cancels on destruction.
    using handle = std::shared_ptr<void>;
    [[nodiscard]] virtual handle after(std::chrono::milliseconds d, std::function<void()> f) = 0;
};

}  // namespace wsidecar::core
