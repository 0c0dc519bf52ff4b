#include "sidecar/core/gateway.hpp"

#include <string_view>
#include <utility>

#include "sidecar/core/addressing.hpp"
#include "sidecar/core/backlog.hpp"
#include "sidecar/core/commands.hpp"
#include "sidecar/core/deliveries.hpp"
#include "sidecar/core/dispatch.hpp"
#include "sidecar/core/endings.hpp"
#include "sidecar/core/history.hpp"
#include "sidecar/core/history_reads.hpp"
#include "sidecar/core/inbound_lane.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/core/openings.hpp"
#include "sidecar/core/pushes.hpp"
#include "sidecar/core/raw_dialect.hpp"
#include "sidecar/core/registrations.hpp"
#include "sidecar/core/stomp/dialect.hpp"

namespace wsidecar::core {

/// In the order in which they know each other: one may call those above it; what is below it reaches it through an interface
/// (dialect, event_sender, subscribers).
struct gateway::parts {
    parts(const config::config& c, std::string instance, core::metrics& m, app_port& app, bus_port& bus, timer_port& timers,
          find_route routes)
        : shared(c, std::move(instance), m, app, bus, timers),
          deliveries(shared),
          backlog(shared, deliveries),
          registrations(shared, backlog),
          reads(c, m, bus, timers),
          history(shared, reads, deliveries, backlog),
          commands(shared, deliveries, history),
          events(shared, commands, registrations, history, backlog),
          endings(shared, events, std::move(routes)),
          lane(shared, endings),
          openings(shared, {commands, registrations, history, backlog, deliveries, endings, dialects}),
          dispatch(shared, deliveries, backlog),
          pushes(shared, {deliveries, backlog, dispatch, history}),
          raw(shared, {lane, events, openings, registrations, deliveries, backlog, history}),
          stomp(shared, {lane, events, openings, registrations, deliveries, backlog, dispatch, pushes, reads}),
          received_text(m.received.at({"text"})),
          received_binary(m.received.at({"binary"})),
          received_bytes(m.received_bytes.value()) {}

    context shared;
    core::deliveries deliveries;
    core::backlog backlog;
    core::registrations registrations;
    history_reads reads;
    core::history history;
    core::commands commands;
    core::events events;
    core::endings endings;
    inbound_lane lane;
    core::openings openings;
    core::dispatch dispatch;
    core::pushes pushes;
    raw_dialect raw;
    stomp_dialect stomp;
    core::dialects dialects{raw, stomp};
    double& received_text;
    double& received_binary;
    double& received_bytes;
};

gateway::gateway(const config::config& c, std::string instance, metrics& m, app_port& app, bus_port& bus, timer_port& timers,
                 find_route routes)
    : parts_(std::make_unique<parts>(c, std::move(instance), m, app, bus, timers, std::move(routes))) {}

gateway::~gateway() = default;

// ---------------------------------------------------------------------------------------------------------- clients

connection_ptr gateway::open(handshake h, std::function<void(handshake_verdict)> done) {
    return parts_->openings.open(std::move(h), std::move(done));
}

void gateway::abandon(connection& c) {
    if (c.at == connection::phase::connecting) {
        c.at = connection::phase::abandoned;
    }
}

void gateway::chose_subprotocol(connection& c, std::string_view name) {
    parts_->openings.chose_subprotocol(c, name);
}

void gateway::established(connection& c, session_port& s) {
    parts_->openings.established(c, s);
}

void gateway::message(connection& c, bool text, std::string_view payload) {
    (text ? parts_->received_text : parts_->received_binary) += 1;
    parts_->received_bytes += static_cast<double>(payload.size());
    c.speaks->received(c, text, payload);
}

void gateway::relayed(connection& c, std::string_view bytes) {
    c.speaks->received(c, true, bytes);
}

void gateway::confirmed(connection& c, std::uint64_t tag) {
    parts_->deliveries.confirmed(c, tag);
}

void gateway::not_sent(connection& c, std::uint64_t tag, undelivered_reason reason) {
    parts_->deliveries.not_sent(c, tag, reason);
}

void gateway::closed(connection& c, std::uint16_t code, std::string_view reason, close_cause cause) {
    if (c.at == connection::phase::closed) {
        return;
    }
    context& x = parts_->shared;
    const connection_ptr keep(&c);
    c.session = nullptr;
    c.at = connection::phase::closed;
    if (c.close_code == 0) {
        c.close_code = code;
        c.close_reason = reason;
    }
    if (!c.relayed) {
        x.metrics.closes.at({close_label(c.close_code), terms(cause).label}) += 1;
        x.metrics.hit(terms(cause).label);
        recent_close& r = x.recent.closes.next();
        r.time = x.timers.wall();
        r.connection = c.id;
        r.user = c.user;
        r.code = c.close_code;
        r.reason = c.close_reason.view();
        r.cause = cause;
        parts_->openings.one_closed();
    }
    log::debug("connection", "closed",
               {{"connection", c.id}, {"user", c.user}, {"code", c.close_code}, {"cause", terms(cause).label}});
    x.departed.add(c, x.timers.now());
    registration last = parts_->registrations.of(c);
    x.hub.leave(c);
    c.to_mailbox = cause == close_cause::slow && c.route->slow_consumer == "mailbox";
    parts_->deliveries.drop_unconfirmed(c);
    c.speaks->closed(c);
    if (c.never_established) {
        last = registration::of_id(c.id);
    }
    parts_->endings.end(keep, last);
}

position gateway::reached(const connection& c) const {
    return parts_->shared.bus.reached(audiences_of(c));
}

// ------------------------------------------------------------------------------------------------------------ Redis

void gateway::on_push(const proto::envelope& push, const push_origin& from) {
    parts_->pushes.on_push(push, from);
}

void gateway::on_routed(std::string_view id, std::string_view target, std::string_view outcome, std::string_view reason) {
    parts_->pushes.on_routed(id, target, outcome, reason);
}

void gateway::on_retired(const std::string& connection, place at, unsigned shard) {
    parts_->shared.departed.retired(connection, at, shard);
}

std::vector<registration> gateway::enrolled() const {
    std::vector<registration> all;
    all.reserve(parts_->shared.hub.size());
    parts_->shared.hub.for_each([&](connection& c) {
        // The entry of a connection that a survivor ends is the survivor's: under a new id the survivor would not find it.
        if (c.disconnect != connection::disconnect_event::by_survivor) {
            all.push_back(parts_->registrations.of(c));
        }
    });
    return all;
}

bool gateway::holds(const std::string& connection) const {
    return parts_->shared.hub.find(connection) != nullptr || parts_->endings.holds(connection);
}

void gateway::on_registered(const std::string& connection, registered there) {
    // A later refusal does not remove an entry that was once there.
    if (auto* c = parts_->shared.hub.find(connection); c != nullptr && c->in_registry != registered::yes) {
        c->in_registry = there;
    }
}

void gateway::on_claimed(const std::string& connection) {
    if (auto* c = parts_->shared.hub.find(connection)) {
        parts_->backlog.mailbox_came(*c);
    }
}

void gateway::on_fenced(ends_told told, const std::function<bool(const std::string& connection)>& whose) {
    std::vector<connection_ptr> all;
    parts_->shared.hub.for_each([&](connection& c) {
        if (!whose || whose(c.id)) {
            all.emplace_back(&c);
        }
    });
    log::warn("registry", "a survivor took this instance over while it was away: its connections are closed",
              {{"connections", all.size()}, {"instance", parts_->shared.instance}});
    for (const auto& c : all) {
        const registered was = std::exchange(c->in_registry, registered::no);
        if (was == registered::yes && told == ends_told::yes) {
            c->disconnect = connection::disconnect_event::by_survivor;
        }
        if (was != registered::no) {
            c->close(1012, "service restart");
        }
    }
}

bool gateway::end_silent_one() {
    return parts_->stomp.end_silent_one();
}

void gateway::on_gap() {
    if (parts_->shared.config.on_gap != "close") {
        return;
    }
    std::vector<connection_ptr> all;
    parts_->shared.hub.for_each([&](connection& c) { all.emplace_back(&c); });
    for (const auto& c : all) {
        c->close(4010, "messages may have been missed");
    }
}

void gateway::disconnect_on_behalf(const lost_connection& lost, std::function<void(bool)> done) {
    parts_->endings.disconnect_on_behalf(lost, std::move(done));
}

void gateway::tell(const std::string& path, std::string body, const std::string& id, std::function<void(bool)> done) {
    parts_->events.tell(path, std::move(body), id, std::move(done));
}

// ------------------------------------------------------------------------------------------------------ the process

std::size_t gateway::connections() const {
    return parts_->openings.open_connections();
}

std::size_t gateway::unfinished() const {
    return parts_->shared.hub.size() + parts_->endings.count();
}

const hub& gateway::registry() const {
    return parts_->shared.hub;
}

const recent& gateway::recent_events() const {
    return parts_->shared.recent;
}

waiting_events gateway::waiting() const {
    return parts_->events.waiting();
}

const std::string& gateway::instance() const {
    return parts_->shared.instance;
}

void gateway::set_instance(std::string instance) {
    parts_->shared.instance = std::move(instance);
}

void gateway::reconfigured() {
    context& x = parts_->shared;
    parts_->commands.reconfigured();
    parts_->openings.reconfigured();
    x.sent.set_window(x.config.outbox.dedup_window);
    x.confirmed.set_window(x.config.outbox.dedup_window);
    x.tracing.reconfigured();
}

tracer& gateway::spans() {
    return parts_->shared.tracing.spans();
}

}  // namespace wsidecar::core
