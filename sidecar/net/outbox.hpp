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

/// How the pushes of the outbox that leave through a connection are confirmed.
enum class confirm_by : std::uint8_t {
    what_it_says,  ///< by the client's pong if the push asks for that, else by the kernel
    write,         ///< by the kernel, which has taken the last byte
    pong,          ///< by the client's pong
};

/// What waits to leave through one connection of a client, and the policy that all kinds of sessions share: the bound
/// limits.queue with what the route gives up when it is reached (`slow_consumer`), `collapse`, what is counted as delivered or
/// undelivered, and how pushes are confirmed. Has no socket. While nothing waits it holds no queue.
class outbox {
public:
    explicit outbox(session_shared& shared, confirm_by c = confirm_by::write);
    ~outbox();
    outbox(const outbox&) = delete;
    outbox& operator=(const outbox&) = delete;

    std::size_t bytes() const { return bytes_; }
    /// Bytes that were ever put, modulo 2^32, without those that were taken out again.
    std::uint32_t total() const { return total_; }
    bool empty() const { return queue_ == nullptr; }
    /// There was no room: the client is a slow consumer. Its session ends it at the end of the turn, since whoever sends may be in the
    /// middle of its connections.
    bool overflowed() const { return overflowed_; }

    /// A frame for a session that `is_open` or not. False: it has been counted, and nothing may be put.
    bool takes(bool is_open, std::uint64_t tag) const;
    /// Puts a push or an answer for `c`, whose route bounds what waits; one that is larger than the bound may still go out on its own.
    /// `slow`: the client has not taken what was written before, so a frame with the same collapse key gives its place to this one.
    /// `write_now()` hands on what can leave at once: much for one client in one turn of the loop is no slow client yet.
    /// False: overflowed(); what has waited is dropped with it, and counted.
    template <class WriteNow>
    bool send(core::connection& c, out_queue::item i, bool slow, WriteNow write_now) {
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
    /// Puts a frame that no bound applies to: the protocol's own.
    void put(out_queue::item i) {
        const auto size = static_cast<std::uint32_t>(i.frame->bytes().size());
        if (!queue_) {
            queue_ = shared_.take_queue();
        }
        queue_->push(std::move(i.frame), i.tag, i.collapse, i.at);
        bytes_ += size;
        total_ += size;
        shared_.queued_bytes += size;
    }
    /// Puts a pong. A peer that sends pings and does not read gets a bounded number: a new one takes the place of the last (RFC 6455 section 5.5.3).
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

    /// Pushes of the outbox that wait are left to other connections.
    void drop_pushes();
    /// What waits is lost, and counted as undelivered for this reason. `begun_too`: also a frame of which a part has left.
    void drop(const char* reason, bool begun_too = false);
    /// Tells the gateway which pushes the kernel has taken; at the end of the turn, where nothing else is under way. `c`: null once that has ended.
    void confirm(core::connection* c);

    // Confirmation by pong: a ping behind the pushes carries the number of the last, and its pong proves that all of them arrived.
    /// Pushes have been put that no such ping has followed.
    bool needs_ping() const { return last_push_ != asked_; }
    /// Such a ping waits for its pong.
    bool awaits_pong() const { return number_ != 0; }
    /// Puts one.
    void put_ping();
    /// The payload of a pong. Another number than the outstanding one confirms nothing.
    void take_pong(std::string_view payload, core::connection& c);

private:
    bool has_room(const core::connection& c, std::size_t size) const {
        return bytes_ == 0 || bytes_ + size <= c.route->limits.queue;
    }
    void collapse(core::connection& c, std::uint64_t key);
    /// The queue is full: whether the route would rather lose messages than the connection, and did.
    bool drop_waiting(core::connection& c, std::size_t needed);
    void overflow(std::uint64_t tag);
    void taken_out(const out_queue::item& i);
    void count_out(std::uint64_t tag);
    void give_back_if_empty();

    session_shared& shared_;
    std::unique_ptr<out_queue> queue_;  ///< null while nothing waits
    std::uint32_t bytes_ = 0;           ///< in queue_
    std::uint32_t total_ = 0;
    std::uint64_t by_pong_;        ///< tags that have one of these bits are confirmed by a pong
    std::uint64_t last_push_ = 0;  ///< tag of the last push put that a pong confirms
    std::uint64_t asked_ = 0;      ///< of the last that a ping has followed
    std::uint64_t number_ = 0;     ///< of the ping that is to be answered; 0: none
    /// The last push that the kernel has taken and that the gateway has not been told of; of those that would wait for a pong on
    /// another route, the second.
    std::uint64_t written_[2] = {0, 0};
    std::uint8_t pongs_ = 0;  ///< waiting
    bool overflowed_ = false;
};

}  // namespace wsidecar::net
