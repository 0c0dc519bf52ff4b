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

/// The parts of a client's frame that are needed when it is processed. Its body is inbound_work::item::payload.
struct stomp_request {
    proto::stomp::command verb{};
    std::vector<std::pair<std::string, std::string>>
        headers;  ///< only the first of each name counts (STOMP 1.2, "Repeated Header Entries")

    /// Memory held by the frame, in bytes.
    std::size_t bytes() const {
        std::size_t sum = sizeof *this + headers.capacity() * sizeof headers.front();
        for (const auto& [n, value] : headers) {
            sum += n.size() + value.size();
        }
        return sum;
    }

    /// The value of a header; empty if there is none.
    std::string_view header(std::string_view name) const {
        for (const auto& [n, value] : headers) {
            if (n == name) {
                return value;
            }
        }
        return {};
    }
};

/// The STOMP state of a connection on a route with `protocol: stomp`: the server's side of STOMP 1.0 to 1.2. Event loop only.
struct stomp_client {
    enum class stage : std::uint8_t {
        silent,      ///< no CONNECT yet
        connecting,  ///< the app or Redis has not answered yet
        connected,
        over,  ///< after ERROR or DISCONNECT; further input is ignored
    };

    /// An outbox push that waits for its ACK, because its subscription has `ack: client` or `client-individual`.
    struct unacknowledged {
        std::uint64_t message = 0;
        const subscription* to = nullptr;
        delivery_id delivery = 0;
        std::size_t bytes = 0;  ///< size of the frame
        timer_port::clock::time_point since;
    };

    struct transaction {
        std::vector<inbound_work::item> frames;
        std::size_t bytes = 0;
        timer_port::handle patience;  ///< timer by which it must have ended
    };

    /// Registration of the client's subscriptions. Each registration names all of them, so only one is under way at a time, and their rate
    /// is limited to a small share of Redis's time.
    struct registering {
        bool due = false;        ///< subscriptions have changed since the last registration
        bool all = false;        ///< not only subscriptions have changed
        bool under_way = false;  ///< the last registration has not been answered
        std::uint64_t sent = 0;  ///< hash of the names in the last registration
        timer_port::clock::time_point next;
        timer_port::handle timer;
    };

    explicit stomp_client(const proto::stomp::limits& l) : reader(l) {}

    proto::stomp::reader reader;
    proto::stomp::version version = proto::stomp::version::v1_2;
    stage at = stage::silent;
    silent_stomp silent;
    bool established = false;  ///< CONNECTED was sent, so a disconnect event is due
    bool parted = false;       ///< DISCONNECT was received, perhaps not processed yet, so the end of the socket is expected
    std::vector<std::unique_ptr<subscription>> subscriptions;
    std::size_t joining = 0;   ///< number of subscriptions that are not in the registry yet
    std::size_t patterns = 0;  ///< sum of the weights of subscriptions with wildcards
    registering registry;
    std::optional<double>
        subscribe_tokens;  ///< how many SUBSCRIBE and UNSUBSCRIBE frames are allowed now; nullopt before the first
    timer_port::clock::time_point subscribe_at;  ///< the time of that value
    bool waiting = false;                        ///< the first queued frame waits for the registry or for its allowed time
    timer_port::handle turn;                     ///< set while the first queued frame waits for its allowed time

    std::vector<unacknowledged> unacked;  ///< the oldest first
    std::size_t unacked_bytes = 0;
    timer_port::clock::time_point acks_from;  ///< ACK times count from here, because the connection was not read before
    timer_port::clock::time_point acks_due;   ///< when ack_timer runs
    timer_port::handle ack_timer;
    std::map<std::string, transaction, std::less<>> transactions;
    std::size_t transaction_bytes = 0;  ///< bytes held by all transactions, including overhead
    timer_port::handle frame_patience;  ///< timer by which an incomplete frame must be complete; null if there is none

    proto::stomp::heart_beat wishes;  ///< the heart-beat header of CONNECT
    proto::stomp::beats beats;
    timer_port::clock::time_point heard;
    timer_port::clock::time_point sent;
    timer_port::clock::time_point due;  ///< when `timer` runs
    timer_port::handle timer;           ///< for the first frame, later for heart-beats

    /// From the handshake; used until CONNECT.
    std::string connect_headers;
    std::string traceparent;

    /// Bytes held for this client, without its inbound queue.
    std::size_t held_bytes() const {
        std::size_t sum = reader.buffered() + transaction_bytes;
        for (const auto& s : subscriptions) {
            sum += sizeof *s + s->id.size() + s->destination.size() + s->key.size() + s->receipt.size();
        }
        return sum;
    }
    /// Drops incomplete frames and open transactions.
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
