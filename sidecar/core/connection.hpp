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

/// The histories that a connection asks for before live pushes.
struct history_wish {
    std::vector<history_question::name> names;
    bool stream = false;            ///< server-sent events, whose messages have ids
    std::optional<position> after;  ///< the last position that the client has received
    bool lost = false;              ///< the client's last event id is unknown here
    position joined;                ///< the last places of the orders just before registration; empty if not known (yet)
};

/// The histories that a connection has received. Pushes to these names up to `up_to` that are still on their way here are not delivered
/// again.
struct recalled_names {
    std::vector<std::string> targets;  ///< names with their kind in front
    position up_to;
};

class dialect;
struct stomp_client;
struct stomp_request;

/// A client's messages that wait for their turn. An idle connection has no such object.
struct inbound_work {
    struct item {
        bool text = false;
        std::string payload;
        std::shared_ptr<stomp_request> stomp;  ///< null for a message of a raw connection

        /// Memory held by the item, in bytes.
        std::size_t bytes() const;
    };
    std::deque<item> queue;
    std::size_t bytes = 0;
    bool reading_paused = false;
};

/// A client's connection without its socket. The hub and all pending requests on its behalf share ownership. Event loop only; the
/// reference count is not atomic.
class connection : public boost::intrusive_ref_counter<connection, boost::thread_unsafe_counter> {
public:
    connection();
    ~connection();

    enum class phase : std::uint8_t {
        connecting,  ///< the app or Redis has not answered yet; no 101 was sent
        abandoned,   ///< the client went away before the 101
        open,
        closed,  ///< the socket is closed; events may still be under way
    };

    /// The progress of ending a closed connection.
    enum class ending : std::uint8_t {
        none,
        retiring,  ///< the registry was asked to remove it
        retired,   ///< the registry has removed it; the disconnect event waits for earlier events
        over,      ///< the disconnect event was sent to the app, or none is due
    };

    /// Whether the app gets a disconnect event.
    enum class disconnect_event : std::uint8_t {
        not_due,      ///< the app does not know the connection
        due,          ///< the connection was established, or the app may have accepted its connect event
        by_survivor,  ///< another instance has sent the event on its behalf
    };

    /// The target without the query.
    std::string_view path() const { return target.view().substr(0, target.view().find('?')); }
    /// The path variables, decoded.
    proto::variables variables() const;
    void keep_variables(const proto::variables& values);
    /// Whether its route has one of these names.
    bool is_on(const std::vector<std::string>& routes) const;
    /// Whether the client has gone.
    bool gone() const { return at == phase::abandoned || at == phase::closed; }
    /// From now on the app must get a disconnect event, unless a survivor has sent it.
    void expect_disconnect() { disconnect = disconnect == disconnect_event::not_due ? disconnect_event::due : disconnect; }
    /// Closes the connection, as soon as it has a session. If called again, the app still gets the first code.
    void close(std::uint16_t code, std::string_view reason);
    /// Bytes held because of what the client sent: waiting events, incomplete STOMP frames, transactions. Does not include the outbound
    /// queue.
    std::size_t held_bytes() const;
    /// Whether STOMP heart-beats are sent to the client at least once in `period`; then no other keep-alives are needed.
    bool beats_within(std::chrono::milliseconds period) const;

    // The members that a push reads are adjacent, because with ten thousand connections they are in no CPU cache.
    std::uint32_t place = 0;  ///< index in hub::members_
    phase at = phase::connecting;
    bool recalling = false;   ///< live pushes wait for a history
    bool to_mailbox = false;  ///< unconfirmed pushes wait in the mailbox (slow_consumer)
    bool relayed = false;     ///< a session of the app's own STOMP relay, which makes no events
    bool busy = false;        ///< an event or a registration is under way, so the next message must wait
    bool pumping = false;     ///< inbound_lane::pump() is running for it
    bool subscribes = false;  ///< gets only pushes to its subscriptions (STOMP)
    ending end = ending::none;
    disconnect_event disconnect = disconnect_event::not_due;
    registered in_registry = registered::no;  ///< under this instance's id
    std::uint16_t close_code = 0;             ///< chosen by us, or what the socket reported
    /// How many kept pushes must still arrive before live ones. Negative if they arrived before the registry reported their number.
    std::int32_t mailbox_due = 0;
    session_port* session = nullptr;
    dialect* speaks = nullptr;            ///< set on opening
    std::unique_ptr<stomp_client> stomp;  ///< the STOMP dialect's state
    std::uint64_t mark = 0;               ///< number of the last hub::match() that visited it
    /// Frames that wait for the 101, and live frames that wait for the mailbox.
    struct waiting_frames {
        struct held {
            frame_ptr frame;
            std::uint64_t tag = 0;
            std::shared_ptr<const proto::addresses>
                except;  ///< excepted receivers, checked when the connection's names are known; null for none
            core::place at{};
            std::uint64_t sent_as = 0;  ///< identifies the push and, for STOMP, the subscription; 0 if it is not a push
        };
        std::vector<held> first;           ///< the connect answer's body, then the mailbox
        std::vector<held> live;            ///< live frames, those from histories, and kept ones that are sorted among them
        std::size_t recalled = 0;          ///< how many in `live` are from histories or kept
        bool mailbox_in_order = false;     ///< the rest of the mailbox is sorted among `live`
        std::vector<std::string> missing;  ///< names whose history may be incomplete
        position came_to;                  ///< the position reached after these frames
        timer_port::handle patience;       ///< timer that ends the wait of live frames
    };
    std::unique_ptr<waiting_frames> early;
    /// `early`, created if it is null.
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
    shared_text common_headers;  ///< header lines of later events that many clients share
    text own_headers;            ///< the other header lines of later events, without Cookie
    text cookie;
    std::chrono::system_clock::time_point since;

    std::string user;
    std::vector<std::string> aliases;
    std::vector<std::string> groups;
    text state;

    /// The expiry of the token with which the connection was opened.
    struct lease {
        std::chrono::system_clock::time_point until;
        timer_port::handle timer;
    };
    std::unique_ptr<lease> login;
    std::shared_ptr<history_wish> wish;
    std::unique_ptr<recalled_names> recalled;           ///< null when no such push can be under way any more
    std::unique_ptr<proto::close_order> pending_close;  ///< Ws-Close of the connect answer
    std::uint64_t sequence = 0;                         ///< number of the last event
    text close_reason;
    /// It ended before the app accepted it; then no push can be for it.
    bool never_established = false;
    /// ws-reason of the disconnect event.
    const char* end_reason() const { return never_established ? "not_established" : ""; }
    std::optional<std::uint32_t> user_connections;

    std::unique_ptr<inbound_work> inbound;
    /// List pushes that were queued to this connection and are not confirmed, in order.
    std::vector<delivery_id> unconfirmed;

private:
    text variables_;  ///< name, NUL, value, NUL and so on; paths contain no NUL
};

using connection_ptr = boost::intrusive_ptr<connection>;

}  // namespace wsidecar::core
