#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "sidecar/core/frame.hpp"
#include "sidecar/core/place.hpp"

namespace wsidecar::net {

/// The queued frames of one connection, in order. Frames are shared and their bytes never copied. A socket takes bytes (gather, consume); an
/// HTTP response takes whole frames (next, give, written). A frame that is partly written, or that a response has taken, cannot be removed.
/// Event loop only.
class out_queue {
public:
    struct item {
        core::frame_ptr frame;
        std::uint64_t tag = 0;
        std::uint64_t collapse = 0;  ///< key of what a newer frame may replace; 0: never
        core::place at{};            ///< where it stands in the order of all pushes; used by server-sent events
    };

    void push(item&& i) { items_.push_back(std::move(i)); }
    bool empty() const { return head_ == items_.size(); }
    /// The number of frames with at least one unwritten byte.
    std::size_t size() const { return items_.size() - head_; }

    /// Fills up to `max` parts with the next bytes. Returns the number of parts.
    int gather(iovec* parts, int max) const {
        int n = 0;
        std::size_t skip = offset_;
        for (std::size_t i = head_; i < items_.size() && n < max; ++i, ++n) {
            const auto bytes = items_[i].frame->bytes();
            parts[n].iov_base = const_cast<char*>(bytes.data() + skip);
            parts[n].iov_len = bytes.size() - skip;
            skip = 0;
        }
        return n;
    }

    /// `n` bytes were written. Calls done(tag) for each frame that is now complete. `done` must not use this queue.
    template <class Done>
    void consume(std::size_t n, Done done) {
        while (head_ < items_.size()) {
            const std::size_t left = items_[head_].frame->bytes().size() - offset_;
            if (n < left) {
                offset_ += n;
                compact();
                return;
            }
            n -= left;
            offset_ = 0;
            done(items_[head_].tag);
            items_[head_++].frame.reset();
        }
        items_.clear();
        head_ = 0;
    }

    /// Whether the response has taken all frames.
    bool all_given() const { return head_ + given_ == items_.size(); }
    /// The first frame that the response has not taken. Must not be called if all_given().
    const item& next() const { return items_[head_ + given_]; }
    /// The response has taken that frame.
    void give() { ++given_; }
    /// The response has ended, and it is unknown whether the client got the frames taken.
    void not_taken() { given_ = 0; }
    /// The kernel has the frames that the response took. Calls done(item) for each.
    template <class Done>
    void written(Done done) {
        const auto first = items_.begin() + static_cast<std::ptrdiff_t>(head_);
        const auto last = first + static_cast<std::ptrdiff_t>(given_);
        for (auto i = first; i != last; ++i) {
            done(*i);
        }
        items_.erase(first, last);
        given_ = 0;
    }

    /// Drops every frame of which nothing was written; a partly written frame must be completed, or the stream becomes invalid. Calls
    /// dropped(item) for each, and returns the bytes dropped. With `begun_too`, also drops a partly written frame, because the stream ends.
    template <class Dropped>
    std::size_t drop_waiting(bool begun_too, Dropped dropped) {
        const std::size_t first = begun_too ? head_ : first_waiting();
        std::size_t bytes = begun_too ? 0 - offset_ : 0;
        for (std::size_t i = first; i < items_.size(); ++i) {
            bytes += items_[i].frame->bytes().size();
            dropped(items_[i]);
        }
        items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(first), items_.end());
        if (empty()) {
            // Another connection may get this queue: what had left of the frame that was cut off is not of its first one.
            items_.clear();
            head_ = 0;
            offset_ = 0;
            given_ = 0;
        }
        return bytes;
    }

    /// The last frame with this tag of which nothing was written; null if there is none.
    item* last_waiting(std::uint64_t tag) {
        for (std::size_t i = items_.size(); i > first_waiting(); --i) {
            if (items_[i - 1].tag == tag) {
                return &items_[i - 1];
            }
        }
        return nullptr;
    }

    /// Removes and returns the first item for which `wanted(item)` holds and of which nothing was written. Its frame is null if there is none.
    template <class Wanted>
    item take_first(Wanted wanted) {
        for (std::size_t i = first_waiting(); i < items_.size(); ++i) {
            if (wanted(items_[i])) {
                item taken = std::move(items_[i]);
                items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(i));
                return taken;
            }
        }
        return {};
    }

    /// Whether the queue is small enough to be reused for another connection.
    bool reusable() const { return items_.capacity() <= 64; }

private:
    std::size_t first_waiting() const { return head_ + given_ + (offset_ > 0 ? 1 : 0); }

    /// Frees the slots of written frames, for connections whose queue is never empty.
    void compact() {
        if (head_ >= 64 && head_ * 2 >= items_.size()) {
            items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
            head_ = 0;
        }
    }

    std::vector<item> items_;
    std::size_t head_ = 0;
    std::size_t offset_ = 0;  ///< bytes of the first frame that have left
    std::size_t given_ = 0;   ///< frames, from head_ on, that a response has
};

}  // namespace wsidecar::net
