#include "sidecar/net/outbox.hpp"

#include <boost/endian/conversion.hpp>

#include "sidecar/net/session_tags.hpp"

namespace wsidecar::net {
namespace {

/// Pongs in the queue before a new one takes the place of the last.
constexpr std::uint8_t pongs_at_most = 16;

/// The bits of a tag that make a pong confirm it; delivery ids are larger than any other tag.
std::uint64_t bits_for_pong(confirm_by c) {
    static_assert((core::first_delivery_id & (core::first_delivery_id - 1)) == 0);
    switch (c) {
        case confirm_by::write: return 0;
        case confirm_by::what_it_says: return core::confirm_by_pong;
        case confirm_by::pong: return ~(core::first_delivery_id - 1);
    }
    return 0;
}

}  // namespace

/// A frame has left.
inline void outbox::count_out(std::uint64_t tag) {
    if (tag >= core::first_delivery_id) {
        if ((tag & by_pong_) == 0) {
            written_[(tag & core::confirm_by_pong) != 0 ? 1 : 0] = tag;
        }
    } else if (tag == tag_pong) {
        --pongs_;
    } else {
        shared_.count_delivered(tag);
    }
}

outbox::outbox(session_shared& shared, confirm_by c) : shared_(shared), by_pong_(bits_for_pong(c)) {}

outbox::~outbox() = default;

void outbox::count_closing(std::uint64_t tag) const {
    if (tag <= core::tag_channel) {
        shared_.metrics.undelivered[core::undelivered_reason::closing] += 1;
    }
}

void outbox::collapse(core::connection& c, std::uint64_t key) {
    if (!queue_) {
        return;
    }
    const auto old = queue_->take_first([&](const out_queue::item& i) { return i.collapse == key; });
    if (old.frame) {
        taken_out(old);
        shared_.gateway.collapsed(c, old.tag);
    }
}

bool outbox::drop_waiting(core::connection& c, std::size_t needed) {
    const config::route& route = *c.route;
    const bool all = route.slow_consumer == "collapse";
    if (!all && route.slow_consumer != "drop_oldest") {
        return false;
    }
    const auto message = [](const out_queue::item& i) {
        return i.tag <= core::tag_channel || i.tag == core::tag_history || i.tag >= core::first_delivery_id;
    };
    while (queue_ && (all || bytes_ + needed > route.limits.queue)) {
        const out_queue::item oldest = queue_->take_first(message);
        if (!oldest.frame) {
            break;  // what is left has begun: the new one waits behind it
        }
        taken_out(oldest);
        shared_.gateway.left_out(c, oldest.tag);
    }
    return true;
}

void outbox::overflow(std::uint64_t tag) {
    overflowed_ = true;
    shared_.metrics.hit("queue");
    if (tag <= core::tag_channel) {
        shared_.metrics.undelivered[core::undelivered_reason::queue] += 1;
    }
    drop(core::undelivered_reason::queue);
}

void outbox::taken_out(const out_queue::item& i) {
    const auto size = static_cast<std::uint32_t>(i.frame->bytes().size());
    bytes_ -= size;
    total_ -= size;
    shared_.queued_bytes -= size;
    give_back_if_empty();
}

void outbox::put_pong(core::frame_ptr pong) {
    if (out_queue::item* const last = pongs_ >= pongs_at_most && queue_ ? queue_->last_waiting(tag_pong) : nullptr) {
        taken_out(*last);
        bytes_ += static_cast<std::uint32_t>(pong->bytes().size());
        total_ += static_cast<std::uint32_t>(pong->bytes().size());
        shared_.queued_bytes += static_cast<double>(pong->bytes().size());
        last->frame = std::move(pong);
        return;
    }
    ++pongs_;
    put({std::move(pong), tag_pong});
}

void outbox::left(std::size_t bytes) {
    bytes_ -= static_cast<std::uint32_t>(bytes);
    shared_.queued_bytes -= static_cast<double>(bytes);
    queue_->consume(bytes, [this](std::uint64_t tag) { count_out(tag); });
    give_back_if_empty();
}

void outbox::not_taken() {
    if (queue_) {
        queue_->not_taken();
    }
}

void outbox::written() {
    if (!queue_) {
        return;
    }
    queue_->written([this](const out_queue::item& i) {
        bytes_ -= static_cast<std::uint32_t>(i.frame->bytes().size());
        shared_.queued_bytes -= static_cast<double>(i.frame->bytes().size());
        count_out(i.tag);
    });
    give_back_if_empty();
}

void outbox::drop_pushes() {
    while (queue_) {
        const auto push = queue_->take_first([](const out_queue::item& i) { return i.tag >= core::first_delivery_id; });
        if (!push.frame) {
            return;
        }
        taken_out(push);
    }
}

void outbox::drop(core::undelivered_reason reason, bool begun_too) {
    if (!queue_) {
        return;
    }
    const std::size_t dropped = queue_->drop_waiting(begun_too, [&](const out_queue::item& i) {
        if (i.tag <= core::tag_channel) {
            shared_.metrics.undelivered[reason] += 1;
        } else if (i.tag == tag_pong) {
            --pongs_;
        }
    });
    bytes_ -= static_cast<std::uint32_t>(dropped);
    shared_.queued_bytes -= static_cast<double>(dropped);
    give_back_if_empty();
}

void outbox::report_written(core::connection* c) {
    for (std::uint64_t& written : written_) {
        if (const auto last = std::exchange(written, 0); last != 0 && c != nullptr) {
            shared_.gateway.confirmed(*c, last);
        }
    }
}

void outbox::put_ping() {
    char payload[sizeof last_push_];
    boost::endian::store_big_u64(reinterpret_cast<unsigned char*>(payload), last_push_);
    number_ = asked_ = last_push_;
    put({core::frame::make(proto::opcode::ping, {payload, sizeof payload}), tag_control});
}  // NOLINT(clang-analyzer-unix.Malloc): the queue owns the frame, whose intrusive count the analyzer does not follow

void outbox::take_pong(std::string_view payload, core::connection& c) {
    if (number_ != 0 && payload.size() == sizeof number_ &&
        boost::endian::load_big_u64(reinterpret_cast<const unsigned char*>(payload.data())) == number_) {
        shared_.gateway.confirmed(c, std::exchange(number_, 0));
    }
}

}  // namespace wsidecar::net
