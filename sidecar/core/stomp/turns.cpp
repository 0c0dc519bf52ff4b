#include "sidecar/core/stomp/turns.hpp"

#include <utility>

#include "proto/cloudevents.hpp"
#include "sidecar/core/events.hpp"
#include "sidecar/core/inbound_lane.hpp"
#include "sidecar/core/stomp/headers.hpp"
#include "sidecar/core/stomp/replies.hpp"

namespace wsidecar::core {
using proto::stomp::command;

stomp_turns::stomp_turns(context& x, event_sender& sender, stomp_replies& replies, core::inbound_lane& lane,
                         core::events& events)
    : config_(x.config), sender_(sender), replies_(replies), lane_(lane), events_(events) {}

void stomp_turns::next(const connection_ptr& c, const stomp_request& r) {
    if (r.verb != command::disconnect) {
        replies_.receipt(*c, r.header("receipt"));
    }
    lane_.done(c);
}

void stomp_turns::refuse(const connection_ptr& c, const stomp_request& r, const char* reason, const std::string& why,
                         std::uint16_t code, const proto::stomp_error* said) {
    replies_.fail(*c, reason, why, r.header("receipt"), code, said);
    lane_.done(c);
}

std::shared_ptr<exchange> stomp_turns::new_event(const connection_ptr& c, std::shared_ptr<stomp_request> r,
                                                 proto::event_type type, const std::string& destination) {
    auto x = events_.new_exchange(sender_, c, type);
    x->stomp = std::move(r);
    x->head.destination = destination;
    return x;
}

void stomp_turns::send_event(const std::shared_ptr<exchange>& x) {
    x->head.stomp_headers = header_lines(*x->stomp);
    const std::size_t size = event_overhead + x->request.target.size() + x->head.stomp_headers.size() +
                             x->head.content_type.size() + x->c->common_headers.size() + x->c->own_headers.size() +
                             x->c->cookie.size();
    if (size > config_.app.max_header) {
        refuse(x->c, *x->stomp, "max_header", "the headers are larger than app.max_header");
        return;
    }
    events_.attempt(x);
}

}  // namespace wsidecar::core
