#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "sidecar/core/connection.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/net/out_queue.hpp"
#include "sidecar/net/session_shared.hpp"

namespace wsidecar::net {

/// What confirms outbox pushes that are sent through a connection.
enum class confirm_by : std::uint8_t {
    what_it_says,  ///< the client's pong if the push asks for that, otherwise the write
    write,         ///< the write: the kernel has taken the last byte
    pong,          ///< the client's pong
};

/// The outbound queue of one client connection, with the policy that all kinds of sessions share: the bound limits.queue and what the route
/// drops when it is reached (`slow_consumer`), `collapse`, the counting of delivered and undelivered messages, and the confirmation of
/// pushes. It has no socket, and holds no queue while nothing waits. Event loop only.
class outbox {
public:
    explicit outbox(session_shared& shared, confirm_by c = confirm_by::write);
    ~outbox();
    outbox(const outbox&) = delete;
    outbox& operator=(const outbox&) = delete;

    std::size_t bytes() const { return bytes_; }
    /// Bytes that were ever put, modulo 2^32, without those that were removed again.
    std::uint32_t total() const { return total_; }
    bool empty() const { return queue_ == nullptr; }
    /// Whether there was no room, so that the client is a slow consumer. The session ends it at the end of the loop turn, because the sender
    /// may be iterating over connections.
    bool overflowed() const { return overflowed_; }

    /// Whether a frame may be put. If not (the session is not open), the frame has been counted as undelivered.
    bool takes(bool is_open, std::uint64_t tag) const {
        if (is_open && !overflowed_) {
            return true;
        }
        count_closing(tag);
        return false;
    }
    /// Puts a push or an answer for `c`. The route bounds the queue, but a single frame larger than the bound may still be sent. `slow` means
    /// that the client has not taken earlier output, so this frame replaces a waiting one with the same collapse key. `write_now()` writes
    /// what can be sent at once, because much output in one loop turn does not make a client slow. Returns false if overflowed(); then the
    /// frame and everything that waited are dropped and counted.
    template <class WriteNow>
    bool send(core::connection& c, out_queue::item&& i, bool slow, WriteNow write_now) {
        if (i.collapse != 0 && slow) {
            collapse(c, i.collapse);
        }
        const std::size_t size = i.frame->bytes().size();
        if (bytes_ + size > c.route->limits.queue) {
            write_now();
            if (!has_room(c, size) && !drop_waiting(c, size)) {
                overflow(i.tag);
                return false;
            }
        }
        if ((i.tag & by_pong_) != 0) {
            last_push_ = i.tag;
        }
        put(std::move(i));
        return true;
    }
    /// Puts a frame of the protocol itself, to which no bound applies.
    void put(out_queue::item&& i) {
        const auto size = static_cast<std::uint32_t>(i.frame->bytes().size());
        if (!queue_) {
            queue_ = shared_.take_queue();
        }
        queue_->push(std::move(i));
        bytes_ += size;
        total_ += size;
        shared_.queued_bytes += size;
    }
    /// Puts a pong. The number of waiting pongs is bounded for a peer that sends pings and does not read: a new pong replaces the last one
    /// (RFC 6455 section 5.5.3).
    void put_pong(core::frame_ptr pong);

    // To a socket, which takes bytes.
    int gather(iovec* parts, int max) const { return queue_ ? queue_->gather(parts, max) : 0; }
    void left(std::size_t bytes);
    // To a response, which takes frames.
    bool all_given() const { return !queue_ || queue_->all_given(); }
    const out_queue::item& next() const { return queue_->next(); }
    void give() { queue_->give(); }
    void not_taken();
    void written();

    /// Removes waiting outbox pushes, which are then routed to other connections.
    void drop_pushes();
    /// Drops everything that waits, and counts it as undelivered for this reason. With `begun_too`, also a partly written frame.
    void drop(core::undelivered_reason reason, bool begun_too = false);
    /// Reports to the gateway which pushes the kernel has taken. Call this at the end of the loop turn. `c` is null if the connection has ended.
    void confirm(core::connection* c) {
        if ((written_[0] | written_[1]) != 0) {
            report_written(c);
        }
    }

    // Confirmation by pong: a ping after the pushes carries the number of the last one, and its pong proves that all of them arrived.
    /// Whether pushes have been put after the last such ping.
    bool needs_ping() const { return last_push_ != asked_; }
    /// Whether such a ping waits for its pong.
    bool awaits_pong() const { return number_ != 0; }
    /// Puts such a ping.
    void put_ping();
    /// Handles the payload of a pong. A number other than the outstanding one confirms nothing.
    void take_pong(std::string_view payload, core::connection& c);

private:
    bool has_room(const core::connection& c, std::size_t size) const {
        return bytes_ == 0 || bytes_ + size <= c.route->limits.queue;
    }
    void collapse(core::connection& c, std::uint64_t key);
    /// The queue is full: drops messages if the route prefers that to closing the connection. Returns whether it did.
    bool drop_waiting(core::connection& c, std::size_t needed);
    void overflow(std::uint64_t tag);
    void count_closing(std::uint64_t tag) const;
    void taken_out(const out_queue::item& i);
    void count_out(std::uint64_t tag);
    void report_written(core::connection* c);
    void give_back_if_empty() {
        if (queue_->empty()) {
            shared_.give_queue(queue_);
        }
    }

    session_shared& shared_;
    std::unique_ptr<out_queue> queue_;  ///< null while nothing waits
    std::uint32_t bytes_ = 0;           ///< in queue_
    std::uint32_t total_ = 0;
    std::uint64_t by_pong_;        ///< tags that have one of these bits are confirmed by a pong
    std::uint64_t last_push_ = 0;  ///< tag of the last push put that a pong confirms
    std::uint64_t asked_ = 0;      ///< of the last that a ping has followed
    std::uint64_t number_ = 0;     ///< of the ping that is to be answered; 0: none
    /// The last push that the kernel has taken and that was not reported to the gateway. The second element is for pushes that would need a
    /// pong on another route.
    std::uint64_t written_[2] = {0, 0};
    std::uint8_t pongs_ = 0;  ///< waiting
    bool overflowed_ = false;
};

}  // namespace wsidecar::net
