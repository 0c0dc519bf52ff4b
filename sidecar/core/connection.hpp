#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "proto/http/path.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/core/text.hpp"

namespace wsidecar::core {

/// What a connection wants to have of histories before live pushes.
struct history_wish {
    std::vector<history_question::name> names;
    bool stream = false;         ///< server-sent events: with ids
    std::optional<place> after;  ///< the last that it had
    bool lost = false;           ///< it names a last one that nobody knows
    place joined;                ///< where the list stood just before it was registered; 0-0: not known (yet)
};

/// What a connection has had of histories: what was pushed to these names up to then, and is still on its way here, is not for it any more.
struct recalled_names {
    std::vector<std::string> targets;  ///< with their kind in front
    place up_to;
};

class dialect;
struct stomp_client;
struct stomp_request;

/// Messages of a client that wait for their turn. An idle connection has none of this.
struct inbound_work {
    struct item {
        bool text = false;
        std::string payload;
        std::shared_ptr<stomp_request> stomp;  ///< null: a message as it is

        /// All that it keeps.
        std::size_t bytes() const;
    };
    std::deque<item> queue;
    std::size_t bytes = 0;
    bool reading_paused = false;
};

/// A client's connection as the use cases see it: everything but the socket. Owned by the gateway's hub while it is
/// there and by whoever waits for an answer on its behalf; one thread.
class connection : public boost::intrusive_ref_counter<connection, boost::thread_unsafe_counter> {
public:
    connection();
    ~connection();

    enum class phase : std::uint8_t {
        connecting,  ///< the app or Redis has not said yes; no 101 was sent
        abandoned,   ///< the client went away before the 101
        open,
        closed,  ///< the socket is gone; events may still be on their way
    };

    /// How far the end of a closed connection has come.
    enum class ending : std::uint8_t {
        none,
        retiring,  ///< the registry was asked to take it out
        retired,   ///< and has; the disconnect event waits for the events before it
        over,      ///< the disconnect event is on its way to the app, or none is due
    };

    /// Whether the app is to be told of the end.
    enum class disconnect_event : std::uint8_t {
        not_due,      ///< the app has never heard of the connection
        due,          ///< the connection was established, or the app may have accepted its connect event
        by_survivor,  ///< another instance has sent the event on its behalf
    };

    /// Target without the query.
    std::string_view path() const { return target.view().substr(0, target.view().find('?')); }
    /// Those of its path, decoded.
    proto::variables variables() const;
    void keep_variables(const proto::variables& values);
    /// Whether its route has one of these names.
    bool is_on(const std::vector<std::string>& routes) const;
    /// Nobody waits for it to open any more.
    bool gone() const { return at == phase::abandoned || at == phase::closed; }
    /// From now on the app is told of its end, unless a survivor has told it.
    void expect_disconnect() { disconnect = disconnect == disconnect_event::not_due ? disconnect_event::due : disconnect; }
    /// Closes it as soon as it has a session; the first code is the one that the app is told.
    void close(std::uint16_t code, std::string_view reason);
    /// What is kept of its own doing, in bytes: events that wait, STOMP frames begun, transactions. Not what waits for its socket.
    std::size_t held_bytes() const;
    /// STOMP's heart-beats to the client, which come at least so often, keep proxies awake: no other are needed.
    bool beats_within(std::chrono::milliseconds period) const;

    // What a push looks at stands together: of ten thousand connections it is in no cache.
    std::uint32_t place = 0;  ///< hub: among its connections
    phase at = phase::connecting;
    bool recalling = false;   ///< live pushes wait for a history
    bool to_mailbox = false;  ///< what it has not confirmed waits in the mailbox (slow_consumer)
    bool relayed = false;     ///< the app's own: no client's, and no event's
    bool busy = false;        ///< an event, or the registry on its behalf, is under way: order
    bool pumping = false;     ///< its frames get their turns further up the stack
    bool subscribes = false;  ///< takes what it has subscribed to, and no other push
    ending end = ending::none;
    disconnect_event disconnect = disconnect_event::not_due;
    registered in_registry = registered::no;  ///< under this instance's id
    std::uint16_t close_code = 0;             ///< chosen by us, or what the socket reported
    /// Kept pushes that have still to come before live ones; below 0: so many came before the registry said how many to expect.
    std::int32_t mailbox_due = 0;
    session_port* session = nullptr;
    dialect* speaks = nullptr;            ///< set when it is opened
    std::unique_ptr<stomp_client> stomp;  ///< its dialect's
    std::uint64_t mark = 0;               ///< hub: matched by the push of this number
    /// Frames that wait for the 101, and live ones that wait for the mailbox before them.
    struct waiting_frames {
        struct held {
            frame_ptr frame;
            std::uint64_t tag = 0;
            std::shared_ptr<const proto::addresses>
                except;  ///< who does not get it: its names may not be known yet; null: nobody
            core::place at{};
            std::uint64_t sent_as = 0;  ///< the push, and of STOMP the subscription; 0: no push
        };
        std::vector<held> first;           ///< the connect answer's body, then the mailbox
        std::vector<held> live;            ///< with what came of histories, and what was kept and goes among that
        std::size_t recalled = 0;          ///< of those two
        std::vector<std::string> missing;  ///< names of which something may be missing
        core::place came_to;               ///< after them; 0-0: nowhere
        timer_port::handle patience;       ///< live ones wait no longer than this
    };
    std::unique_ptr<waiting_frames> early;
    /// The same, made when there is none.
    waiting_frames& waiting() {
        if (!early) {
            early = std::make_unique<waiting_frames>();
        }
        return *early;
    }
    struct neighbours {
        connection* previous = nullptr;
        connection* next = nullptr;
    };
    neighbours same_user;  ///< hub: the other connections of its user

    std::string id;
    const config::route* route = nullptr;
    text target;
    shared_text host;
    shared_text common_headers;  ///< of those that later events carry: what other clients have alike
    text own_headers;            ///< the others, without Cookie
    text cookie;
    std::chrono::system_clock::time_point since;

    std::string user;
    std::vector<std::string> aliases;
    std::vector<std::string> groups;
    text state;

    /// What a token that expires has opened.
    struct lease {
        std::chrono::system_clock::time_point until;
        timer_port::handle timer;
    };
    std::unique_ptr<lease> login;
    std::shared_ptr<history_wish> wish;
    std::unique_ptr<recalled_names> recalled;           ///< null once nothing of them can be on its way
    std::unique_ptr<proto::close_order> pending_close;  ///< Ws-Close of the connect answer
    std::uint64_t sequence = 0;                         ///< of the last event
    text close_reason;
    const char* end_reason = "";  ///< ws-reason of the disconnect event
    /// It has ended before the app let it in: nothing that was pushed can be for it.
    bool never_established() const { return std::string_view(end_reason) == "not_established"; }
    std::optional<std::uint32_t> user_connections;

    std::unique_ptr<inbound_work> inbound;
    /// List pushes queued here and not yet confirmed, in order.
    std::vector<delivery_id> unconfirmed;

private:
    text variables_;  ///< name, NUL, value, NUL and so on: no path has a NUL
};

using connection_ptr = boost::intrusive_ptr<connection>;

}  // namespace wsidecar::core
