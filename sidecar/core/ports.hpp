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
#include "sidecar/core/place.hpp"

namespace wsidecar::core {

/// Header fields in order, names as received.
using field_list = std::vector<std::pair<std::string, std::string>>;

// ---------------------------------------------------------------------------------------------- app (HTTP)

/// One event as an HTTP POST to the app. The transport adds only Host, Content-Length and (with signing
/// secrets) the three webhook-* headers of Standard Webhooks.
struct app_request {
    std::string target;   ///< origin-form: path and query
    std::string host;     ///< value of the Host header; empty: the app's own authority
    std::string headers;  ///< complete "Name: value\r\n" lines, prebuilt
    std::string body;
    std::string id;         ///< ce-id, also the webhook-id
    bool reserved = false;  ///< connect and disconnect: may use the part of app.concurrency kept for them
    /// Whose message it is: a user, or a connection without one (a hash). No owner takes all places. 0: nobody in particular.
    std::uint64_t owner = 0;
    /// Asked just before the request is written after waiting in the queue: false drops it (`unsent`).
    std::function<bool()> wanted;
};

enum class app_failure {
    none,       ///< an answer came: status, headers, body
    unreached,  ///< refused, no route, or closed before the first byte of an answer
    unsent,     ///< never left the queue: no longer wanted
    timeout,    ///< app.timeout passed after the request was written: the app may have done it
    cut,        ///< the answer broke off or was no HTTP: the app may have done it
    too_big,    ///< the answer's body is larger than app.max_answer: the app did it, and would answer the same again
};

struct app_answer {
    app_failure failure = app_failure::none;
    unsigned status = 0;
    field_list headers;
    std::string body;
};

/// The co-located app. Keep-alive pool, at most app.concurrency requests at once, queued beyond it.
class app_port {
public:
    virtual ~app_port() = default;
    /// Sends once. Does not retry, except at once on a fresh connection when a kept-alive one had been closed by the app.
    virtual void send(app_request request, std::function<void(app_answer)> done) = 0;
    /// Whether the app accepted a TCP connection when it was last tried.
    virtual bool accepting() const = 0;
};

// ------------------------------------------------------------------------------------- registry and pushes

/// What the registry holds of one connection: the whole truth, each time; the registry works out the change.
struct registration {
    std::string connection;  ///< connection id
    std::string user;        ///< empty: not known (yet)
    std::vector<std::string> aliases;
    std::vector<std::string> groups;
    /// What it has subscribed to by STOMP: "d" and the destination, "p*" for any pattern, "q" and proto::subscription_name for its
    /// user and each alias.
    std::vector<std::string> names;
    bool subscribes = false;  ///< speaks STOMP: takes what is for a subscription, and no other push
    std::string path;         ///< without query
    std::string state;        ///< Ws-State
    std::string since;        ///< RFC 3339
    std::string route;        ///< what it is called in `to`

    /// Of a connection of which only the id counts.
    static registration of_id(std::string connection) {
        registration r;
        r.connection = std::move(connection);
        return r;
    }
};

enum class enroll_outcome {
    done,     ///< registered and subscribed, confirmed by Redis
    down,     ///< Redis is away: remembered and made good when it is back
    refused,  ///< connections_per_user reached (only with a limit given)
};

struct enroll_result {
    enroll_outcome outcome = enroll_outcome::down;
    std::optional<std::uint32_t> user_connections;  ///< on all pods, with this one
    std::uint32_t mailbox = 0;                      ///< kept pushes that are now on their way to this connection
};

/// Identifies a push of the outbox while it is being delivered; 0: a channel push, whose outcome nobody waits for.
using delivery_id = std::uint64_t;

/// A bit of a delivery_id: the client's pong confirms the push. Without it, the push is confirmed once the kernel has it.
inline constexpr delivery_id confirm_by_pong = 1ULL << 62U;
/// A bit of a delivery_id: the push came by a channel and not from the outbox, and somebody waits for its outcome.
inline constexpr delivery_id of_channel = 1ULL << 61U;

/// Where a push comes from.
struct push_origin {
    delivery_id id = 0;       ///< 0: a channel
    bool again = false;       ///< it was routed before: somebody may have had it
    bool everywhere = false;  ///< every instance gets it: that a name is not here means nothing
    bool mailbox = false;     ///< kept for one connection, the one it is addressed to; goes before live pushes
    bool receipt = false;     ///< whoever settles it wants to know which connection had it
    bool each = false;        ///< and the end for each of them
    bool kept =
        false;  ///< pushed to many while its receiver was between two connections; bus_port tells when all of these have come
    place routed{};      ///< where the router has put it this time; of a channel: nowhere
    unsigned shard = 0;  ///< in whose order: places of different shards of a service say nothing about each other
    place at{};          ///< where it was first routed, as histories and event ids have it; of a channel: nowhere
};

/// How a list push ended at one connection.
enum class delivery_end : std::uint8_t { delivered, dropped };
constexpr const char* word(delivery_end e) {
    return e == delivery_end::delivered ? "delivered" : "dropped";
}

/// How a list push ended here.
struct delivery_outcome {
    struct at_connection {
        std::string connection;
        std::string user;
        delivery_end outcome{};
        const char* reason = "";
    };
    std::uint32_t reached = 0;                    ///< connections that confirmed it, or had it before it was routed again
    std::uint32_t duplicates = 0;                 ///< connections that had been sent another push with its id
    std::uint32_t dropped = 0;                    ///< connections that did not take it, and have no name to route it by
    const char* why_dropped = "connection_gone";  ///< of the last that was
    bool expired = false;
    bool not_for_it =
        false;  ///< whom it was kept for is here, and it is not for it: excepted, or it does not belong to them any more; or who is here has it as one kept
    std::string connection;  ///< the first that confirmed it
    /// Names with their kind in front, to whom it goes again: they had a connection here that ended before it confirmed this push, or were meant
    /// to have one. "k" before the name: into its mailbox while nobody has it; "x": into its mailbox, since who is here is excepted; "n": refused.
    std::vector<std::string> lost;
    /// Names that had no connection here when the push came. It may fail so only so often: the registry is wrong then.
    std::vector<std::string> failed;
    std::vector<at_connection> each;  ///< with push_origin::each
};

/// A connection whose instance died: what Redis kept of it for its disconnect event.
struct lost_connection {
    std::string connection;
    std::string instance;  ///< the dead one: ce-source
    std::string user;
    std::string path;
    std::string state;
    std::optional<std::uint32_t> user_connections;  ///< what the user has left on all pods
    std::uint16_t close_code = 1006;
    std::string close_reason;
    std::string reason = "pod_lost";                ///< ws-reason of the event; empty: none
    std::chrono::system_clock::time_point since{};  ///< when the event first had to be sent; the epoch: not known
};

/// What is asked of the histories of names.
struct history_question {
    struct name {
        std::string target;       ///< with its kind in front: "g" or "d", or "*" for all
        std::uint32_t count = 0;  ///< the last so many; without meaning where `after` is given
    };
    std::vector<name> names;
    std::optional<place> after;  ///< everything behind it, as far as it was kept
    place joined{};              ///< what came behind it does not count among the last so many; 0-0: all does
    bool is_known = false;       ///< by a user or an alias: what came within outbox.grace waits for whoever asks elsewhere
    std::size_t bytes = 0;       ///< the most that may come; the latest do
};

struct history_answer {
    struct kept {
        place at;
        proto::envelope push;
    };
    bool answered = false;     ///< false: Redis did not
    place now;                 ///< where the list stood: what was routed before is in here, as far as it was kept and asked for
    std::vector<kept> pushes;  ///< in order, each once
    /// Of these names (`group:table-7`, `all`) something behind `after` may be missing.
    std::vector<std::string> missing;
};

/// Registry, subscriptions and publishing. Never fails loudly: trouble with Redis is a state.
class bus_port {
public:
    virtual ~bus_port() = default;
    /// The connect event of this connection is about to be sent. Redis notes it (conn:<id>, pending), so that a survivor can send
    /// the disconnect event, and pushes to its id find it. `done` comes within 1 s, at once while Redis is down.
    virtual void announce(const registration& r, std::function<void()> done) = 0;
    /// Registers a connection or brings its entry up to date; subscribes to its channels. `done` comes within 1 s, at once while Redis is down.
    virtual void enroll(const registration& r, std::function<void(enroll_result)> done) = 0;
    /// Takes the connection out of presence and routing. `last`: what it was when it ended, for a Redis that has lost it; only
    /// `connection` is set where it was never open. `done` gets how many connections its user has left, if Redis could say.
    virtual void retire(const registration& last, std::function<void(std::optional<std::uint32_t>)> done) = 0;
    /// The app took the disconnect event (or none is due): nothing of this connection needs to stay in Redis.
    virtual void forget(const std::string& connection) = 0;
    /// The app does not take the disconnect event of this connection within its deadline: another instance's app gets it.
    virtual void bequeath(const lost_connection& lost) = 0;
    /// A client's message goes to Redis as it is: PUBLISH to `channel`, RPUSH to `list`; either may be empty. Not repeated: while
    /// Redis is down it is lost, and counted.
    virtual void send_inbound(const std::string& connection, const std::string& channel, const std::string& list,
                              std::string_view payload) = 0;
    /// A message of a client, or of the app's answer, to a destination: to all pods, at most once. While Redis is down, to this one.
    virtual void broadcast(const proto::envelope& push) = 0;
    /// Reads what was kept of the latest pushes to some names. `done` comes within 1 s, at once while Redis is down.
    virtual void recall(history_question q, std::function<void(history_answer)> done) {
        (void)q;
        done({});
    }
    /// Up to where this instance has been handed everything that the router gave it.
    virtual place reached() const { return {}; }
    /// A list push has reached, or will never reach, everyone it can here. Calls nothing back before it returns: the gateway
    /// walks its own lists meanwhile.
    virtual void settled(delivery_id id, delivery_outcome outcome) = 0;
    /// False while Redis is known to be down (or redis.url is none: then true, everything is local).
    virtual bool up() const = 0;
};

/// Tags of session_port::send. A list push has its delivery_id as tag; those start behind these.
inline constexpr std::uint64_t tag_answer = 0;       ///< from the app's answer: nobody waits for its outcome
inline constexpr std::uint64_t tag_channel = 1;      ///< at most once: nobody waits for its outcome
inline constexpr std::uint64_t tag_protocol = 2;     ///< STOMP's own: receipts, errors, heart-beats
inline constexpr std::uint64_t tag_unconfirmed = 3;  ///< a list push that the client's ACK will confirm
inline constexpr std::uint64_t tag_history = 4;      ///< from a history: nobody waits for its outcome
inline constexpr std::uint64_t first_delivery_id = 16;

/// Whether Redis has an entry of a connection: a survivor sends the disconnect events of those that it finds.
enum class registered : std::uint8_t {
    no,
    perhaps,  ///< it was sent, and not answered (yet)
    yes,
};

/// What the bus hands inward. Implemented by core/gateway.
class push_port {
public:
    virtual ~push_port() = default;
    /// Delivers to the connections held here that match. For id != 0, bus_port::settled(id, ...) follows exactly once, possibly at once.
    virtual void on_push(const proto::envelope& push, const push_origin& from) = 0;
    /// Redis came back without its data, or this instance was fenced off under its old id: every live connection's entry, to enroll anew.
    virtual std::vector<registration> enrolled() const = 0;
    /// Whether this pod still has to do with a connection: open, being opened, or its end not yet told.
    virtual bool holds(const std::string& connection) const = 0;
    /// What is known of this connection's entry in Redis, under this instance's id.
    virtual void on_registered(const std::string& connection, registered there) = 0;
    /// This instance was declared dead, and a survivor has sent the disconnect events of the connections that were registered: those
    /// are closed with 1012, without another event. Connections that may have been registered are closed too, and their events sent:
    /// the app recognizes a repeated one by its ce-id. The others go on, and are registered under the new id. `whose`: of a service with several
    /// shards, the connections that the one where this happened speaks for; empty: all.
    virtual void on_fenced(const std::function<bool(const std::string& connection)>& whose) = 0;
    /// This connection is out of the registry: what was routed behind `at` in this shard was routed without it.
    virtual void on_retired(const std::string& connection, place at, unsigned shard) {
        (void)connection, (void)at, (void)shard;
    }
    /// What was kept for this connection while its owner had none (push_origin::kept) has been given to on_push.
    virtual void on_claimed(const std::string& connection) { (void)connection; }
    /// The subscription had a gap: channel pushes may be missed (on_gap).
    virtual void on_gap() = 0;
    /// The router, where it is this instance, gave this push of the outbox to no instance. `target`: a name with its kind in front,
    /// or empty; outcome and reason as in receipts. Told to whoever asks where a message went.
    virtual void on_routed(std::string_view id, std::string_view target, std::string_view outcome, std::string_view reason) {
        (void)id, (void)target, (void)outcome, (void)reason;
    }
};

// -------------------------------------------------------------------------------------------------- clients

/// The socket side of an open connection; implemented by net/ws_session. Lives until it has called gateway::closed().
class session_port {
public:
    virtual ~session_port() = default;
    /// Queues one encoded frame; it leaves at the end of the loop turn. For tag >= first_delivery_id gateway::confirmed(tag)
    /// follows, with outbox.confirm: pong when the peer has answered the ping behind it, else when its last byte is with the
    /// kernel. `collapse` != 0: takes the place of a frame with the same key that a slow peer has not taken yet
    /// (gateway::collapsed).
    virtual void send(frame_ptr frame, std::uint64_t tag, std::uint64_t collapse = 0) = 0;
    /// The same for a push whose place is known.
    virtual void send_at(frame_ptr frame, std::uint64_t tag, std::uint64_t collapse, place at) {
        (void)at;
        send(std::move(frame), tag, collapse);
    }
    /// Everything for this client up to `at` has been sent.
    virtual void came_to(place at) { (void)at; }
    /// Something for these names may be missing.
    virtual void tell_gap(const std::vector<std::string>& names) { (void)names; }
    /// Queues a close frame behind what is queued; the connection ends when the peer answers, or after a deadline.
    virtual void close(std::uint16_t code, std::string_view reason) = 0;
    /// The client has ended the session by its own protocol (STOMP's DISCONNECT). As close(), but where no answer can be waited for (SockJS over plain HTTP:
    /// it may never poll again) gateway::closed() follows at the end of the loop turn.
    virtual void part(std::uint16_t code) { close(code, {}); }
    /// Another client needs its place. Of a client's connection gateway::closed() comes before this returns.
    virtual void make_way(close_cause cause) { close(terms(cause).code, terms(cause).text); }
    /// Stops and starts reading messages from the socket (TCP backpressure). Pings and closes already read are still answered.
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
