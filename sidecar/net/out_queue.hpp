#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sidecar/core/frame.hpp"

namespace wsidecar::net {

/// The frames that wait to leave through one connection, in order. Bytes are never copied: frames are shared.
class out_queue {
public:
    struct item {
        core::frame_ptr frame;
        std::uint64_t tag;
        std::uint64_t collapse;  ///< key of what a newer frame may replace; 0: never
    };

    void push(core::frame_ptr frame, std::uint64_t tag, std::uint64_t collapse = 0) {
        items_.push_back({std::move(frame), tag, collapse});
    }
    bool empty() const { return head_ == items_.size(); }
    /// Frames with at least one byte left.
    std::size_t size() const { return items_.size() - head_; }

    /// Fills up to `max` parts with what comes next; returns how many.
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

    /// `n` bytes have left; calls done(tag) for each frame that is out with its last byte. `done` must not touch this queue.
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

    /// Drops every frame of which nothing has left yet: a frame that has begun must end, or the stream is garbage.
    /// Calls dropped(item) for each; returns the bytes dropped. `begun_too`: the stream ends here anyway.
    template <class Dropped>
    std::size_t drop_waiting(bool begun_too, Dropped dropped) {
        const std::size_t first = head_ + (offset_ > 0 && !begun_too ? 1 : 0);
        std::size_t bytes = first == head_ && offset_ > 0 ? 0 - offset_ : 0;
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
        }
        return bytes;
    }

    /// The last waiting frame with this tag, of which nothing has left; null: none.
    item* last_waiting(std::uint64_t tag) {
        for (std::size_t i = items_.size(); i > head_ + (offset_ > 0 ? 1 : 0); --i) {
            if (items_[i - 1].tag == tag) {
                return &items_[i - 1];
            }
        }
        return nullptr;
    }

    /// Takes out the waiting frame with this key, of which nothing has left; null: none.
    core::frame_ptr take_collapsed(std::uint64_t key, std::uint64_t& tag) {
        for (std::size_t i = head_ + (offset_ > 0 ? 1 : 0); i < items_.size(); ++i) {
            if (items_[i].collapse == key) {
                core::frame_ptr f = std::move(items_[i].frame);
                tag = items_[i].tag;
                items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(i));
                return f;
            }
        }
        return nullptr;
    }

    /// Takes out the first waiting item that `wanted(item)` takes, and of which nothing has left; null frame: none.
    template <class Wanted>
    item take_first(Wanted wanted) {
        for (std::size_t i = head_ + (offset_ > 0 ? 1 : 0); i < items_.size(); ++i) {
            if (wanted(items_[i])) {
                item taken = std::move(items_[i]);
                items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(i));
                return taken;
            }
        }
        return {};
    }

    /// Worth keeping for the next connection that has something to say.
    bool reusable() const { return items_.capacity() <= 64; }

private:
    /// A connection that never quite catches up must not keep a slot for every frame it ever got.
    void compact() {
        if (head_ >= 64 && head_ * 2 >= items_.size()) {
            items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
            head_ = 0;
        }
    }

    std::vector<item> items_;
    std::size_t head_ = 0;
    std::size_t offset_ = 0;  ///< bytes of the first frame that have left
};

}  // namespace wsidecar::net
