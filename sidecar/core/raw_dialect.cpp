#include "sidecar/core/raw_dialect.hpp"

#include "proto/app_reply.hpp"
#include "proto/cloudevents.hpp"
#include "sidecar/core/backlog.hpp"
#include "sidecar/core/deliveries.hpp"
#include "sidecar/core/event_head.hpp"
#include "sidecar/core/events.hpp"
#include "sidecar/core/history.hpp"
#include "sidecar/core/inbound_lane.hpp"
#include "sidecar/core/openings.hpp"
#include "sidecar/core/registrations.hpp"

namespace wsidecar::core {

raw_dialect::raw_dialect(context& x, const neighbours& n)
    : metrics_(x.metrics),
      bus_(x.bus),
      hub_(x.hub),
      lane_(n.lane),
      events_(n.events),
      openings_(n.openings),
      registrations_(n.registrations),
      deliveries_(n.deliveries),
      backlog_(n.backlog),
      history_(n.history) {}

void raw_dialect::open(const std::shared_ptr<opening>& o, const handshake& h) {
    if (h.event_stream) {
        history_.wish_as_stream(*o->c, h);
    }
    // It is in the hub from here on: what the app pushes as soon as it gets the event waits in the backlog for the 101.
    hub_.enter(o->c);
    openings_.begin(o);
}

void raw_dialect::established(connection& c) {
    c.expect_disconnect();
    backlog_.release(c);
    if (c.pending_close) {
        const auto order = std::move(*c.pending_close);
        c.pending_close.reset();
        c.close(order.code, order.reason);
    }
}

void raw_dialect::token_expired(connection& c) {
    c.close(4401, "token expired");
}

void raw_dialect::received(connection& c, bool text, std::string_view payload) {
    const auto& inbound = c.route->inbound;
    const bool to_redis = !inbound.publish.empty() || !inbound.rpush.empty();
    if (to_redis) {
        bus_.send_inbound(c.id, inbound.publish, inbound.rpush, payload);
    }
    if (!c.route->has_event("message")) {
        metrics_.undelivered[undelivered_reason::no_message_event] += to_redis ? 0 : 1;
        return;
    }
    lane_.enqueue(c, {text, std::string(payload), nullptr});
}

void raw_dialect::take_turn(const connection_ptr& c, inbound_work::item item) {
    const auto x = events_.new_exchange(*this, c, proto::event_type::message);
    x->head.content_type = proto::content_type_for(c->route->content_type, item.text, item.payload);
    x->request.target = event_target(*c, "message");
    x->request.body = std::move(item.payload);
    events_.attempt(x);
}

void raw_dialect::reenroll(connection& c) {
    registrations_.renew(c);
}

std::string raw_dialect::route_name(const connection& c, const delivery& d, delivery_id id) const {
    return deliveries_.name_of(c, d, id);
}

void raw_dialect::reply(exchange& x, proto::app_reply& reply) {
    for (auto& message : messages_of(reply)) {
        if (x.c->session != nullptr) {
            x.c->session->send(std::move(message), tag_answer);
        } else {
            metrics_.undelivered[undelivered_reason::connection_gone] += 1;
        }
    }
}

void raw_dialect::refuse(exchange& x, std::uint16_t code, const char* reason) {
    x.c->close(code, reason);
}

void raw_dialect::finished(const std::shared_ptr<exchange>& x, event_outcome) {
    lane_.done(x->c);
}

}  // namespace wsidecar::core
