#include "sidecar/net/response_queue.hpp"

#include <algorithm>
#include <utility>

namespace wsidecar::net {

void response_queue::push(item i) {
    const std::size_t size = i.frame->bytes().size();
    items_.push_back(std::move(i));
    bytes_ += size;
    shared_.queued_bytes += static_cast<double>(size);
}

bool response_queue::take(item i, core::connection& c, const config::route& route) {
    const std::size_t size = i.frame->bytes().size();
    if (has_room(route, size) || drop_waiting(c, size)) {
        push(std::move(i));
        return true;
    }
    shared_.metrics.hit("queue");
    if (i.tag <= core::tag_channel) {
        shared_.metrics.undelivered.at({"queue"}) += 1;
    }
    drop("queue");
    return false;
}

void response_queue::make_room(core::connection& c, std::uint64_t collapse) {
    const auto old = std::find_if(items_.begin() + static_cast<std::ptrdiff_t>(given_), items_.end(),
                                  [&](const item& i) { return i.collapse == collapse; });
    if (old != items_.end()) {
        shared_.gateway.collapsed(c, take_out(old));
    }
}

bool response_queue::drop_waiting(core::connection& c, std::size_t needed) {
    const config::route& route = *c.route;
    const bool all = route.slow_consumer == "collapse";
    if (!all && route.slow_consumer != "drop_oldest") {
        return false;
    }
    const auto message = [](const item& i) {
        return i.tag <= core::tag_channel || i.tag == core::tag_history || i.tag >= core::first_delivery_id;
    };
    while (all || bytes_ + needed > route.limits.queue) {
        const auto oldest = std::find_if(items_.begin() + static_cast<std::ptrdiff_t>(given_), items_.end(), message);
        if (oldest == items_.end()) {
            break;  // what is left is on its way: the new one waits behind it
        }
        shared_.gateway.left_out(c, take_out(oldest));
    }
    return true;
}

std::uint64_t response_queue::take_out(std::vector<item>::iterator i) {
    const std::uint64_t tag = i->tag;
    const std::size_t size = i->frame->bytes().size();
    bytes_ -= size;
    shared_.queued_bytes -= static_cast<double>(size);
    items_.erase(i);
    return tag;
}

void response_queue::drop_pushes() {
    const auto pushed = [](const item& i) { return i.tag >= core::first_delivery_id; };
    for (auto i = items_.begin(); i != items_.end();) {
        i = std::find_if(items_.begin() + static_cast<std::ptrdiff_t>(given_), items_.end(), pushed);
        if (i != items_.end()) {
            take_out(i);
        }
    }
}

void response_queue::drop(const char* reason) {
    const auto first = items_.begin() + static_cast<std::ptrdiff_t>(given_);
    for (auto i = first; i != items_.end(); ++i) {
        const std::size_t size = i->frame->bytes().size();
        bytes_ -= size;
        shared_.queued_bytes -= static_cast<double>(size);
        if (i->tag <= core::tag_channel) {
            shared_.metrics.undelivered.at({reason}) += 1;
        }
    }
    items_.erase(first, items_.end());
}

void response_queue::written() {
    for (std::size_t i = 0; i < given_; ++i) {
        const item& out = items_[i];
        const std::size_t size = out.frame->bytes().size();
        bytes_ -= size;
        shared_.queued_bytes -= static_cast<double>(size);
        if (out.tag >= core::first_delivery_id) {
            confirmed_[(out.tag & core::confirm_by_pong) != 0 ? 1 : 0] = out.tag;
        } else {
            shared_.count_delivered(out.tag);
        }
    }
    items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(given_));
    given_ = 0;
}

void response_queue::confirm(core::connection* c) {
    for (std::uint64_t& confirmed : confirmed_) {
        if (const std::uint64_t tag = std::exchange(confirmed, 0); tag != 0 && c != nullptr) {
            shared_.gateway.confirmed(*c, tag);
        }
    }
}

}  // namespace wsidecar::net
