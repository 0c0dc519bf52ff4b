#include "sidecar/core/stomp/subscribing.hpp"

#include <algorithm>
#include <utility>

#include "proto/app_reply.hpp"
#include "proto/cloudevents.hpp"
#include "proto/envelope.hpp"
#include "proto/text/name.hpp"
#include "sidecar/core/event_head.hpp"
#include "sidecar/core/inbound_lane.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/core/stomp/headers.hpp"
#include "sidecar/core/stomp/joins.hpp"
#include "sidecar/core/stomp/turns.hpp"

namespace wsidecar::core {
namespace stomp = proto::stomp;
namespace {

constexpr std::size_t subscription_id_bytes = 256;

}  // namespace

void stomp_subscribing::subscribe(const connection_ptr& c, const std::shared_ptr<stomp_request>& r) {
    const stomp_client& s = *c->stomp;
    const auto refuse = [&](const char* reason, const std::string& why) { turns_.refuse(c, *r, reason, why); };
    const std::string destination(r->header("destination"));
    const std::string_view id = r->header("id");
    const auto mode = r->header("ack");
    if (!proto::valid_name(destination)) {
        refuse("bad_destination", "SUBSCRIBE needs a destination of 1 to 256 bytes");
        return;
    }
    if ((id.empty() && s.version != stomp::version::v1_0) || id.size() > subscription_id_bytes) {
        refuse("no_id", "SUBSCRIBE needs an id of at most 256 bytes");
        return;
    }
    if (is_subscribed(*c, *r)) {
        turns_.next(c, *r);
        return;
    }
    if (!mode.empty() && mode != "auto" && mode != "client" && mode != "client-individual") {
        refuse("bad_ack", "ack is auto, client or client-individual");
        return;
    }
    if (s.subscriptions.size() >= c->route->limits.subscriptions) {
        refuse("too_many_subscriptions", "no more subscriptions: limits.subscriptions");
        return;
    }
    if (!r->header("selector").empty()) {
        log::limited(log::level::warn, "stomp", "selectors are not looked at", {{"connection", c->id}, {"path", c->path()}});
    }
    if (to_app(destination, c->route->stomp.app_prefixes) && !is_shared(destination, c->route->stomp)) {
        subscribe_to_app(c, r, destination);
    } else {
        subscribe_to_broker(c, r, destination);
    }
}

/// Whether the client has a subscription with this id. As in Spring the first one stays: an ERROR would end pages that subscribe each
/// time they are shown.
bool stomp_subscribing::is_subscribed(const connection& c, const stomp_request& r) {
    const auto& all = c.stomp->subscriptions;
    const std::string_view id = r.header("id");
    const std::string_view destination = r.header("destination");
    const auto same = std::find_if(all.begin(), all.end(), [&](const auto& one) {
        return one->id == id && (!id.empty() || one->destination == destination);
    });
    if (same != all.end() && (*same)->destination != destination) {
        log::limited(log::level::warn, "stomp",
                     "a SUBSCRIBE whose id has another destination already is not looked at: ids have to differ",
                     {{"connection", c.id}, {"path", c.path()}, {"destination", destination}});
    }
    return same != all.end();
}

void stomp_subscribing::subscribe_to_app(const connection_ptr& c, const std::shared_ptr<stomp_request>& r,
                                         const std::string& destination) {
    auto path = path_of(destination);
    if (!path || !c->route->has_event("subscribe")) {
        turns_.refuse(c, *r, "bad_destination",
                      path ? "subscribe is not among the route's events" : "this destination is no path of the application");
        return;
    }
    const auto x = turns_.new_event(c, r, proto::event_type::subscribe, destination);
    x->request.target = std::move(*path);
    turns_.send_event(x);
}

void stomp_subscribing::subscribe_to_broker(const connection_ptr& c, const std::shared_ptr<stomp_request>& r,
                                            const std::string& destination) {
    const auto& rules = c->route->stomp;
    const auto refuse = [&](const char* reason, const std::string& why) { turns_.refuse(c, *r, reason, why); };
    const bool own = under(destination, rules.user_prefix);
    auto pattern = stomp::ant_pattern::parse(destination);
    subscription wanted;
    wanted.key = destination;
    if (pattern && !own && stomp::is_pattern(destination)) {
        wanted.pattern = std::move(*pattern);
    }
    if (!own && !to_broker(destination, rules)) {
        refuse("bad_destination", "nothing is at " + destination);
    } else if (!pattern || (own && stomp::is_pattern(destination))) {
        refuse("bad_pattern", own ? "a user destination is no pattern" : pattern.error().detail);
    } else if (wanted.pattern && !rules.patterns) {
        refuse("patterns", "clients may not subscribe to patterns: see the route's setting `patterns`");
    } else if (!joins_.pattern_fits(*c, wanted)) {
        refuse("too_many_patterns", "no more patterns, or none so costly: limits.patterns");
    } else if (!c->route->has_event("subscribe")) {
        join(c, r);
    } else {
        const auto x = turns_.new_event(c, r, proto::event_type::subscribe, destination);
        x->head.pattern = wanted.pattern.has_value();
        x->request.target = event_target(*c, "subscribe");
        turns_.send_event(x);
    }
}

void stomp_subscribing::join(const connection_ptr& c, const std::shared_ptr<stomp_request>& r) {
    const auto& rules = c->route->stomp;
    auto fresh = std::make_unique<subscription>();
    subscription& s = *fresh;
    s.owner = c.get();
    s.destination = std::string(r->header("destination"));
    s.id = std::string(r->header("id"));
    s.ack = ack_mode_of(r->header("ack"));
    s.key = s.destination;
    if (to_app(s.destination, rules.app_prefixes) && !is_shared(s.destination, rules)) {
        s.what = subscription::kind::app;
    } else if (under(s.destination, rules.user_prefix)) {
        s.what = subscription::kind::own;
        s.key = proto::own_destination(std::string_view(s.destination).substr(rules.user_prefix.size()));
    } else if (stomp::is_pattern(s.destination)) {
        s.pattern = *stomp::ant_pattern::parse(s.destination);
    }
    c->stomp->subscriptions.push_back(std::move(fresh));
    if (s.what == subscription::kind::app) {
        turns_.next(c, *r);
        return;
    }
    // The next SUBSCRIBE need not wait, because one registration takes both. Other frames of the client do.
    s.history = joins_.history_asked(*c, s, *r);
    s.receipt = std::string(r->header("receipt"));
    joins_.enter(*c, s);
    lane_.done(c);
}

void stomp_subscribing::unsubscribe(const connection_ptr& c, const std::shared_ptr<stomp_request>& r) {
    stomp_client& s = *c->stomp;
    const std::string_view id = r->header("id");
    auto it = std::find_if(s.subscriptions.begin(), s.subscriptions.end(), [&](const auto& one) {
        return id.empty() ? s.version == stomp::version::v1_0 && one->id.empty() && one->destination == r->header("destination")
                          : one->id == id;
    });
    if (it == s.subscriptions.end()) {
        // As in Spring, an id that is not there, or no longer, is no error: pages unsubscribe twice.
        id.empty() ? turns_.refuse(c, *r, "no_subscription", "UNSUBSCRIBE names no subscription") : turns_.next(c, *r);
        return;
    }
    const std::unique_ptr<subscription> gone = std::move(*it);
    s.subscriptions.erase(it);
    joins_.leave(*c, *gone);
    if (!c->route->has_event("unsubscribe") || gone->what == subscription::kind::app) {
        turns_.next(c, *r);
        return;
    }
    const auto x = turns_.new_event(c, r, proto::event_type::unsubscribe, gone->destination);
    x->request.target = event_target(*c, "unsubscribe");
    turns_.send_event(x);
}

}  // namespace wsidecar::core
