#include "sidecar/core/endings.hpp"

#include <string_view>
#include <utility>

#include "proto/app_reply.hpp"
#include "proto/cloudevents.hpp"
#include "sidecar/core/event_head.hpp"

namespace wsidecar::core {

endings::endings(context& x, core::events& events, find_route routes)
    : context_(x), bus_(x.bus), timers_(x.timers), instance_(x.instance), events_(events), route_for_(std::move(routes)) {}

void endings::end(connection_ptr c, const registration& last) {
    ++count_;
    under_way_.insert(c->id);
    c->end = connection::ending::retiring;
    bus_.retire(last, [this, c](std::optional<std::uint32_t> left) {
        c->end = connection::ending::retired;
        c->user_connections = left;
        maybe_disconnect(c);
    });
}

void endings::maybe_disconnect(connection_ptr c) {
    if (c->at != connection::phase::closed || c->end != connection::ending::retired || c->busy ||
        (c->inbound && !c->inbound->queue.empty())) {
        return;
    }
    c->end = connection::ending::over;
    if (c->disconnect != connection::disconnect_event::due || !c->route->has_event("disconnect")) {
        --count_;
        under_way_.erase(c->id);
        bus_.forget(c->id);
        return;
    }
    const auto x = std::make_shared<exchange>();
    x->sender = this;
    x->c = c;
    x->type = proto::event_type::disconnect;
    x->head = event_head_of(context_, *c, x->type);
    x->head.sequence = ++c->sequence;
    x->head.end = true;
    x->head.close_code = c->close_code;
    x->head.close_reason = c->close_reason.str();
    x->head.reason = c->end_reason();
    x->request.target = event_target(*c, "disconnect");
    x->request.host = c->host.str();
    x->request.id = c->id + ":end";
    x->request.reserved = true;
    events_.attempt(x);
}

void endings::disconnect_on_behalf(const lost_connection& lost, std::function<void(bool)> done) {
    route_match found = route_for_(lost.path);
    if (found.route == nullptr) {
        done(false);  // another instance may have the route: during a rolling update they differ
        return;
    }
    if (!found.route->has_event("disconnect")) {
        done(true);
        return;
    }
    connection_ptr c(new connection);
    c->id = lost.connection;
    c->route = found.route;
    c->keep_variables(found.variables);
    c->target = lost.path;
    c->user = lost.user;
    c->state = proto::unpacked_state(lost.state);
    c->user_connections = lost.user_connections;
    const auto x = std::make_shared<exchange>();
    x->sender = this;
    x->c = c;
    x->type = proto::event_type::disconnect;
    x->head = event_head_of(context_, *c, x->type);
    x->head.instance = lost.instance;
    x->head.end = true;
    x->head.close_code = lost.close_code;
    x->head.close_reason = lost.close_reason;
    x->head.reason = lost.reason;
    x->request.target = event_target(*c, "disconnect");
    x->request.id = c->id + ":end";
    x->request.reserved = true;
    x->taken = std::move(done);
    events_.attempt(x);
}

void endings::refuse(exchange& x, std::uint16_t code, const char* reason) {
    x.c->close(code, reason);
}

void endings::finished(const std::shared_ptr<exchange>& x, event_outcome outcome) {
    const connection_ptr c = x->c;
    const bool taken = outcome != event_outcome::given_up;
    if (x->taken) {
        x->taken(taken);
        return;
    }
    --count_;
    under_way_.erase(c->id);
    if (taken) {
        bus_.forget(c->id);
        return;
    }
    bus_.bequeath({
        .connection = c->id,
        .instance = instance_,
        .user = c->user,
        .path = std::string(c->path()),
        .state = proto::packed_state(c->state),
        .user_connections = c->user_connections,
        .close_code = c->close_code,
        .close_reason = c->close_reason.str(),
        .reason = c->end_reason(),
        .since = timers_.wall(),
    });
}

}  // namespace wsidecar::core
