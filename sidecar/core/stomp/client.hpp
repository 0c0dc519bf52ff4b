#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/stomp/stomp_frame.hpp"
#include "proto/stomp/stomp_heartbeat.hpp"
#include "sidecar/core/connection.hpp"
#include "sidecar/core/stomp/silent.hpp"
#include "sidecar/core/stomp/subscriptions.hpp"

namespace wsidecar::core {

/// A frame of a client that waits for its turn: what of it is needed by then. Its body is inbound_work::item::payload.
struct stomp_request {
    proto::stomp::command verb{};
    std::vector<std::pair<std::string, std::string>> headers;  ///< the first of each name

    /// All that it keeps.
    std::size_t bytes() const {
        std::size_t sum = sizeof *this + headers.capacity() * sizeof headers.front();
        for (const auto& [n, value] : headers) {
            sum += n.size() + value.size();
        }
        return sum;
    }

    /// Empty: not there.
    std::string_view header(std::string_view name) const {
        for (const auto& [n, value] : headers) {
            if (n == name) {
                return value;
            }
        }
        return {};
    }
};

/// What a connection of a `protocol: stomp` route has besides: the server's side of STOMP 1.0 to 1.2.
struct stomp_client {
    enum class stage : std::uint8_t {
        silent,      ///< no CONNECT yet
        connecting,  ///< the app or Redis has not said yes
        connected,
        over,  ///< ERROR or DISCONNECT: what comes is not looked at
    };

    /// A list push whose subscription has `ack: client` or `client-individual`, until its ACK.
    struct unacknowledged {
        std::uint64_t message = 0;
        const subscription* to = nullptr;
        delivery_id delivery = 0;
        std::size_t bytes = 0;  ///< of the frame
        timer_port::clock::time_point since;
    };

    struct transaction {
        std::vector<inbound_work::item> frames;
        std::size_t bytes = 0;
        timer_port::handle patience;  ///< it must have ended by then
    };

    /// What the registry is told of its subscriptions: one registration at a time, and so seldom that those of one client take
    /// a small share of Redis, because each names them all.
    struct registering {
        bool due = false;        ///< something has changed since the last one
        bool all = false;        ///< not only what it has subscribed to
        bool under_way = false;  ///< the last one has not been answered
        std::uint64_t sent = 0;  ///< hash of the names in it
        timer_port::clock::time_point next;
        timer_port::handle timer;
    };

    explicit stomp_client(const proto::stomp::limits& l) : reader(l) {}

    proto::stomp::reader reader;
    proto::stomp::version version = proto::stomp::version::v1_2;
    stage at = stage::silent;
    silent_stomp silent;
    bool established = false;  ///< CONNECTED was sent: a disconnect event is due
    bool parted = false;       ///< DISCONNECT has come, and may still wait for its turn: the end is no loss
    std::vector<std::unique_ptr<subscription>> subscriptions;
    std::size_t joining = 0;   ///< subscriptions that the registry does not know of yet
    std::size_t patterns = 0;  ///< the weights of those with wildcards
    registering registry;
    std::optional<double> subscribe_tokens;      ///< SUBSCRIBEs and UNSUBSCRIBEs that may come now; nullopt: none has come yet
    timer_port::clock::time_point subscribe_at;  ///< when that was so
    bool waiting = false;                        ///< the first frame of the queue waits for the registry, or for its time
    timer_port::handle turn;                     ///< set: for its time

    std::vector<unacknowledged> unacked;  ///< the oldest first
    std::size_t unacked_bytes = 0;
    timer_port::clock::time_point acks_from;  ///< before it no time runs: this process did not read
    timer_port::clock::time_point acks_due;   ///< when the timer is to run
    timer_port::handle ack_timer;
    std::map<std::string, transaction, std::less<>> transactions;
    std::size_t transaction_bytes = 0;  ///< of all of them, with what is kept beside the bodies
    timer_port::handle frame_patience;  ///< a frame that was begun must have come whole by then; null: none was

    proto::stomp::heart_beat wishes;  ///< of CONNECT
    proto::stomp::beats beats;
    timer_port::clock::time_point heard;
    timer_port::clock::time_point sent;
    timer_port::clock::time_point due;  ///< when the timer is to run
    timer_port::handle timer;           ///< of the first frame, then of heart-beats

    /// Of the handshake, until CONNECT.
    std::string connect_headers;
    std::string traceparent;

    /// What is kept for it beside what waits for its turn.
    std::size_t held_bytes() const {
        std::size_t sum = reader.buffered() + transaction_bytes;
        for (const auto& s : subscriptions) {
            sum += sizeof *s + s->id.size() + s->destination.size() + s->key.size() + s->receipt.size();
        }
        return sum;
    }
    /// What it has begun and will not end.
    void drop_unfinished() {
        silent.unlink();
        transactions.clear();
        transaction_bytes = 0;
        frame_patience.reset();
    }

    subscription* find(std::string_view id) const {
        for (const auto& s : subscriptions) {
            if (s->id == id) {
                return s.get();
            }
        }
        return nullptr;
    }
};

}  // namespace wsidecar::core
