#include "sidecar/core/inbound_lane.hpp"

#include <utility>

#include "sidecar/core/client_resources.hpp"
#include "sidecar/core/dialect.hpp"
#include "sidecar/core/endings.hpp"

namespace wsidecar::core {
namespace {

/// How many messages of a client are read ahead of a slow app. Beyond that TCP slows the client down.
constexpr std::size_t read_ahead_messages = 16;

bool too_far_ahead(const inbound_work& w) {
    return w.queue.size() >= read_ahead_messages || w.bytes >= read_ahead_bytes;
}

}  // namespace

void inbound_lane::enqueue(connection& c, inbound_work::item item) {
    if (!c.inbound) {
        c.inbound = std::make_unique<inbound_work>();
    }
    inbound_work& w = *c.inbound;
    w.bytes += item.bytes();
    w.queue.push_back(std::move(item));
    if (!w.reading_paused && too_far_ahead(w) && c.session != nullptr) {
        w.reading_paused = true;
        metrics_.hit("read_ahead");
        c.session->pause_reading(true);
    }
    pump(connection_ptr(&c));
}

void inbound_lane::pump(connection_ptr c) {
    if (c->pumping) {
        return;
    }
    c->pumping = true;
    while (!c->busy && c->inbound && !c->inbound->queue.empty()) {
        inbound_work& w = *c->inbound;
        inbound_work::item item = std::move(w.queue.front());
        w.queue.pop_front();
        w.bytes -= item.bytes();
        if (w.reading_paused && !too_far_ahead(w) && c->session != nullptr) {
            w.reading_paused = false;
            c->session->pause_reading(false);
        }
        c->busy = true;
        c->speaks->take_turn(c, std::move(item));
    }
    c->pumping = false;
    if (!c->busy) {
        c->inbound.reset();
        endings_.maybe_disconnect(c);
    }
}

}  // namespace wsidecar::core
