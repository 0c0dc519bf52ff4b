#include "sidecar/core/stomp/dialect.hpp"

#include <algorithm>

#include "proto/app_reply.hpp"
#include "proto/target.hpp"
#include "sidecar/core/handshake.hpp"
#include "sidecar/core/openings.hpp"
#include "sidecar/core/unsettled.hpp"

namespace wsidecar::core {
namespace {

bool has(const std::vector<std::string>& keys, const subscription& s) {
    return s.pattern ? s.takes(keys) : std::find(keys.begin(), keys.end(), s.key) != keys.end();
}

}  // namespace

stomp_dialect::stomp_dialect(context& x, const neighbours& n)
    : metrics_(x.metrics),
      deliveries_(n.deliveries),
      replies_(x),
      acks_(x, shared_, replies_, n.deliveries, n.registrations),
      broker_(x, shared_, {acks_, n.deliveries, n.backlog, n.dispatch}),
      joins_(x, shared_, {replies_, acks_, broker_, n.lane, n.registrations, n.deliveries, n.backlog, n.reads}),
      turns_(x, *this, replies_, n.lane, n.events),
      subscribing_(turns_, joins_, n.lane),
      requests_(x, {replies_, acks_, broker_, joins_, turns_, subscribing_, n.lane, n.openings, n.pushes}),
      frames_(x, shared_, replies_, acks_, n.lane) {
    n.pushes.serve(broker_);
}

// ------------------------------------------------------------------------------------------------ the connection

/// The 101 comes first; the app is asked when CONNECT arrives.
void stomp_dialect::open(const std::shared_ptr<opening>& o, const handshake&) {
    connection& c = *o->c;
    const auto& limits = c.route->limits;
    c.subscribes = true;
    c.stomp = std::make_unique<stomp_client>(proto::stomp::limits{limits.frame, limits.header_count, limits.headers});
    c.stomp->connect_headers = std::move(o->connect_headers);
    c.stomp->traceparent = std::move(o->traceparent);
    c.at = connection::phase::open;
    c.relayed = c.route->path.empty();
    handshake_verdict v;
    v.accepted = true;
    v.conn = o->c;
    o->done(std::move(v));
}

void stomp_dialect::add_header(connection& c, const std::string& line) {
    c.stomp->connect_headers += line;  // its connect event has still to come
}

void stomp_dialect::established(connection& c) {
    frames_.await_connect(c);
}

void stomp_dialect::token_expired(connection& c) {
    replies_.fail(c, "token_expired", "the token has expired", {}, 4401);
}

/// The socket is gone.
void stomp_dialect::closed(connection& c) {
    stomp_client& s = *c.stomp;
    s.timer.reset();
    s.at = stomp_client::stage::over;
    s.drop_unfinished();
    c.never_established = !s.established;
    if (s.parted && c.close_code == 1006) {
        c.close_code = 1000;  // it had sent DISCONNECT before its socket closed
    }
    for (const auto& one : s.subscriptions) {
        shared_.subscriptions.leave(*one);
    }
    s.subscriptions.clear();
    s.joining = 0;
    s.patterns = 0;
    s.registry = {};
    s.ack_timer.reset();
    s.turn.reset();
    joins_.go_on(connection_ptr(&c));  // what it sent before is still worked off
    joins_.count_subscriptions();
}

void stomp_dialect::received(connection& c, bool, std::string_view payload) {
    frames_.feed(c, payload);
}

void stomp_dialect::take_turn(const connection_ptr& c, inbound_work::item item) {
    requests_.take_turn(c, std::move(item));
}

std::size_t stomp_dialect::held_bytes(const connection& c) const {
    std::size_t held = c.stomp->held_bytes();
    for (const auto& s : c.stomp->subscriptions) {
        for (const auto& waiting : s->held) {
            held += sizeof waiting + waiting.frame->bytes().size();
        }
    }
    return held;
}

bool stomp_dialect::beats_within(const connection& c, std::chrono::milliseconds period) const {
    return c.stomp->beats.send.count() > 0 && c.stomp->beats.send <= period;
}

// ------------------------------------------------------------------------------------------------ the registry

std::vector<std::string> stomp_dialect::names(const connection& c) const {
    std::vector<std::string> out;
    for (const auto& s : c.stomp->subscriptions) {
        if (s->what == subscription::kind::app) {
            continue;
        }
        if (s->what == subscription::kind::broker) {
            out.push_back(s->pattern ? proto::target_any_pattern() : proto::target(proto::target_kind::destination, s->key));
        }
        if (!c.user.empty()) {
            out.push_back(proto::target_subscription(proto::target_kind::user, c.user, s->key));
        }
        for (const auto& a : c.aliases) {
            out.push_back(proto::target_subscription(proto::target_kind::alias, a, s->key));
        }
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

void stomp_dialect::reenroll(connection& c) {
    joins_.changed(c, false);
}

std::vector<subscribed_to> stomp_dialect::subscriptions(const connection& c) const {
    std::vector<subscribed_to> out;
    for (const auto& s : c.stomp->subscriptions) {
        out.push_back({s->key, s->pattern, s->what == subscription::kind::broker, s->what == subscription::kind::app});
    }
    return out;
}

// ------------------------------------------------------------------------------------------------ pushes

std::string stomp_dialect::route_name(const connection& c, const delivery& d, delivery_id id) const {
    for (const auto& s : c.stomp->subscriptions) {
        if (s->what != subscription::kind::app && has(d.keys, *s)) {
            return core::route_name(c, *s, deliveries_.user_at(c, id), d.to.get());
        }
    }
    return {};
}

void stomp_dialect::drop_held(connection& c, std::vector<delivery_id>& left) {
    for (const auto& s : c.stomp->subscriptions) {
        for (const auto& [f, tag, hash, at, number, kept] : s->held) {
            if (tag >= first_delivery_id) {
                left.push_back(tag);
            } else if (tag == tag_channel) {
                metrics_.undelivered[undelivered_reason::connection_gone] += 1;
            }
        }
    }
    acks_.drop(c, nullptr);
}

std::uint64_t stomp_dialect::withdraw_held(connection& c, std::uint64_t sent_as) {
    for (const auto& s : c.stomp->subscriptions) {
        const auto of_this = [&, id = dedup::hash(s->id)](const auto& x) { return (x.hash ^ id) == sent_as; };
        if (const std::uint64_t tag = take_unsettled(s->held, of_this); tag != 0) {
            return tag;
        }
    }
    return 0;
}

// ------------------------------------------------------------------------------------------------ events

void stomp_dialect::reply(exchange& x, proto::app_reply& reply) {
    if (reply.message) {
        requests_.reply(x, reply);
        metrics_.bad_answers.at({"bad_answer", "body"}) +=
            static_cast<double>(reply.more.size());  // a destination gets one message
    }
}

void stomp_dialect::refuse(exchange& x, std::uint16_t code, const char* reason) {
    replies_.fail(*x.c, "app_refused", reason, x.stomp->header("receipt"), code, x.error.get());
}

void stomp_dialect::finished(const std::shared_ptr<exchange>& x, event_outcome outcome) {
    requests_.finished(x, outcome);
}

}  // namespace wsidecar::core
