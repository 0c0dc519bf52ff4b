#include "sidecar/core/stomp/requests.hpp"

#include <algorithm>
#include <utility>

#include "proto/app_reply.hpp"
#include "proto/cloudevents.hpp"
#include "proto/stomp/stomp_write.hpp"
#include "proto/target.hpp"
#include "proto/text/name.hpp"
#include "proto/text/percent.hpp"
#include "proto/text/utf8.hpp"
#include "sidecar/core/event_head.hpp"
#include "sidecar/core/inbound_lane.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/core/openings.hpp"
#include "sidecar/core/pushes.hpp"
#include "sidecar/core/stomp/acks.hpp"
#include "sidecar/core/stomp/broker.hpp"
#include "sidecar/core/stomp/headers.hpp"
#include "sidecar/core/stomp/joins.hpp"
#include "sidecar/core/stomp/replies.hpp"
#include "sidecar/core/stomp/subscribing.hpp"
#include "sidecar/core/stomp/turns.hpp"

namespace wsidecar::core {
namespace stomp = proto::stomp;
using stomp::command;

stomp_requests::stomp_requests(context& x, const neighbours& n)
    : config_(x.config),
      metrics_(x.metrics),
      bus_(x.bus),
      hub_(x.hub),
      replies_(n.replies),
      acks_(n.acks),
      broker_(n.broker),
      joins_(n.joins),
      turns_(n.turns),
      subscribing_(n.subscribing),
      lane_(n.lane),
      openings_(n.openings),
      pushes_(n.pushes) {}

void stomp_requests::take_turn(const connection_ptr& c, inbound_work::item item) {
    const auto request = item.stomp;
    const bool here = c->session != nullptr && c->stomp->at != stomp_client::stage::over;
    if (here && joins_.must_wait(*c, item)) {
        return;
    }
    switch (request->verb) {
        case command::connect:
        case command::stomp: connect(c, *request); return;
        case command::send: send(c, request, std::move(item.payload)); return;
        case command::subscribe:
            if (here) {
                subscribing_.subscribe(c, request);
                return;
            }
            break;
        case command::unsubscribe:
            if (here) {
                subscribing_.unsubscribe(c, request);
                return;
            }
            break;
        case command::ack:
        case command::nack:
            if (here) {
                acks_.acknowledge(*c, *request);
            }
            break;
        case command::disconnect:
            if (here) {
                replies_.receipt(*c, request->header("receipt"));
                c->stomp->at = stomp_client::stage::over;
                c->close_code = c->close_code == 0 ? 1000 : c->close_code;
                c->session->part(1000);
            }
            break;
        default: break;
    }
    turns_.next(c, *request);
}

void stomp_requests::connect(const connection_ptr& c, const stomp_request& r) {
    stomp_client& s = *c->stomp;
    const auto p = std::make_shared<opening>();
    p->c = c;
    p->upgraded = true;
    p->connect_headers = std::exchange(s.connect_headers, {}) + header_lines(r);
    p->traceparent = std::exchange(s.traceparent, {});
    p->done = [this, c](handshake_verdict v) {
        connect_answered(*c, std::move(v));
        lane_.done(c);
    };
    if (event_overhead + c->target.size() + p->connect_headers.size() > config_.app.max_header) {
        openings_.refuse(
            p, {.status = 431, .body = "the headers are larger than app.max_header\n", .cause = handshake_result::max_header});
        return;
    }
    hub_.enter(c);
    openings_.begin(p);
}

void stomp_requests::connect_refused(connection& c, const handshake_verdict& v) {
    stomp_client& s = *c.stomp;
    hub_.leave(c);
    metrics_.stomp_errors.at({word(v.cause)}) += 1;
    metrics_.hit(word(v.cause));
    s.at = stomp_client::stage::over;
    const auto said = proto::read_stomp_error(v.headers, v.body);
    const std::string otherwise = "CONNECT was refused (" + std::to_string(v.status) + ")";
    replies_.out(c, stomp::error(s.version, said.message.empty() ? otherwise : said.message, {}, said.body, said.headers));
    const bool later = v.status == 429 || v.status >= 500;
    c.close(later ? 1013 : v.status == 401 ? 4401 : 1008, "CONNECT was refused");
}

void stomp_requests::connect_answered(connection& c, handshake_verdict v) {
    stomp_client& s = *c.stomp;
    if (c.session == nullptr || s.at == stomp_client::stage::over) {
        return;
    }
    if (!v.accepted) {
        connect_refused(c, v);
        return;
    }
    s.at = stomp_client::stage::connected;
    s.established = true;
    c.expect_disconnect();
    stomp::greeting g;
    g.beats = {c.route->stomp.heartbeat_send, c.route->stomp.heartbeat_receive};
    g.session = c.id;
    g.server = "wsidecar";
    g.user_name = c.user;
    s.beats = stomp::negotiate_beats(s.wishes, g.beats);
    replies_.out(c, stomp::connected(s.version, g));
    replies_.beat(c);
    if (const auto order = std::move(c.pending_close)) {
        c.close(order->code, order->reason);
    }
}

void stomp_requests::send(const connection_ptr& c, const std::shared_ptr<stomp_request>& r, std::string body) {
    const auto& rules = c->route->stomp;
    const std::string destination(r->header("destination"));
    const bool text = proto::valid_utf8(body);
    const auto refuse = [&](const char* reason, const std::string& why) { turns_.refuse(c, *r, reason, why); };
    if (!proto::valid_name(destination)) {
        refuse("bad_destination", "SEND needs a destination of 1 to 256 bytes");
    } else if (to_app(destination, rules.app_prefixes)) {
        auto path = is_shared(destination, rules) ? event_target(*c, "message") : path_of(destination);
        if (!path) {
            refuse("bad_destination", "this destination is no path of the application");
            return;
        }
        const auto& inbound = c->route->inbound;
        const bool to_redis = !inbound.publish.empty() || !inbound.rpush.empty();
        if (to_redis) {
            bus_.send_inbound(c->id, inbound.publish, inbound.rpush, body);
        }
        if (!c->route->has_event("message")) {
            metrics_.undelivered[undelivered_reason::no_message_event] += to_redis ? 0 : 1;
            turns_.next(c, *r);
            return;
        }
        const auto x = turns_.new_event(c, r, proto::event_type::message, destination);
        const auto type = r->header("content-type");
        x->head.content_type = type.empty() ? proto::content_type_for(c->route->content_type, text, body) : std::string(type);
        x->request.target = std::move(*path);
        x->request.body = std::move(body);
        turns_.send_event(x);
    } else if (!rules.broadcast && (to_broker(destination, rules) || under(destination, rules.user_prefix))) {
        refuse("broadcast", "clients may not SEND to " + destination + ": see the route's setting `broadcast`");
    } else if (auto push = push_to(*c, destination, false)) {
        for (const auto& [name, value] : r->headers) {
            if (name != "destination" && name != "receipt" && name != "transaction" && name != "content-length") {
                push->headers.emplace_back(name, value);
            }
        }
        push->kind = text ? proto::payload_kind::text : proto::payload_kind::binary;
        push->payload = std::move(body);
        bus_.broadcast(*push);
        turns_.next(c, *r);
    } else {
        refuse("bad_destination", "nothing is at " + destination);
    }
}

/// A push to a destination, as Spring resolves it; nothing when it is no destination. `answer`: from the app, whose user destinations
/// without a name are the sender's.
std::optional<proto::envelope> stomp_requests::push_to(const connection& c, const std::string& destination, bool answer) const {
    const auto& rules = c.route->stomp;
    if (!proto::valid_utf8(destination)) {
        return std::nullopt;
    }
    proto::envelope push;
    if (to_broker(destination, rules)) {
        push.to.destinations.push_back(destination);
        return push;
    }
    if (!under(destination, rules.user_prefix)) {
        return std::nullopt;
    }
    const std::string rest = destination.substr(rules.user_prefix.size());
    if (answer && under_any(rest, rules.broker_prefixes)) {
        push.to.subscriptions.push_back(
            proto::subscription_name(proto::target_kind::connection, c.id, proto::own_destination(rest)));
        return push;
    }
    const auto slash = rest.find('/', 1);
    if (slash == std::string::npos || slash + 1 == rest.size()) {
        return std::nullopt;
    }
    const std::string name = proto::percent_decode(rest.substr(1, slash - 1));
    if (!proto::valid_name(name)) {
        return std::nullopt;
    }
    // As in Spring, a session's id names it.
    (name == c.id ? push.to.connections : push.to.users).push_back(name);
    push.to.destinations.push_back(rest.substr(slash));
    return push;
}

/// Sends the app's answer where it says, or where Spring's controllers would send it.
void stomp_requests::reply(const exchange& x, const proto::app_reply& reply) {
    connection& c = *x.c;
    const bool init = x.type == proto::event_type::subscribe;
    const bool of_app = to_app(x.head.destination, c.route->stomp.app_prefixes);
    if (x.type == proto::event_type::unsubscribe || (init && !of_app && reply.destination.empty())) {
        metrics_.bad_answers.at({"bad_answer", "body"}) += 1;  // nobody waits for such an answer
        return;
    }
    std::optional<proto::envelope> push;
    if (init && of_app && reply.destination.empty()) {
        push.emplace();
        push->to.subscriptions.push_back(proto::subscription_name(proto::target_kind::connection, c.id, x.head.destination));
    } else {
        std::string destination = reply.destination;
        if (destination.empty()) {
            for (const auto& p : c.route->stomp.app_prefixes) {
                if (under(x.head.destination, p)) {
                    destination = "/topic" + x.head.destination.substr(p.size());
                    break;
                }
            }
        }
        push = push_to(c, destination, true);
    }
    if (!push) {
        metrics_.bad_answers.at({"bad_answer", "bad_destination"}) += 1;
        log::limited(log::level::warn, "stomp", "Ws-Destination is no destination of this route",
                     {{"destination", reply.destination}, {"path", c.path()}});
        return;
    }
    push->kind = reply.message->text ? proto::payload_kind::text : proto::payload_kind::binary;
    push->payload = reply.message->payload;
    if (!reply.content_type.empty() && proto::valid_utf8(reply.content_type)) {
        push->headers.emplace_back("content-type", reply.content_type);
    }
    if (push->to.subscriptions.empty()) {
        bus_.broadcast(*push);
    } else if (init && of_app) {
        broker_.answer(c, *x.stomp, *push);
    } else {
        pushes_.on_push(*push, {});
    }
}

void stomp_requests::finished(const std::shared_ptr<exchange>& x, event_outcome outcome) {
    const connection_ptr c = x->c;
    const bool here = c->session != nullptr && c->stomp->at != stomp_client::stage::over;
    const bool taken = outcome == event_outcome::done;
    const auto receipt = x->stomp->header("receipt");
    if (x->type == proto::event_type::subscribe && here && taken) {
        subscribing_.join(c, x->stomp);
        return;
    }
    if (here && !taken && (x->type == proto::event_type::subscribe || !receipt.empty()) &&
        x->type != proto::event_type::unsubscribe) {
        // A receipt would say that it was done, and the client waits for an answer.
        turns_.refuse(c, *x->stomp, "app_refused",
                      x->status == 0 ? std::string("the application failed")
                                     : "refused by the application (" + std::to_string(x->status) + ")",
                      1008, x->error.get());
        return;
    }
    turns_.next(c, *x->stomp);
}

}  // namespace wsidecar::core
