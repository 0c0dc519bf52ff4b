#include "sidecar/core/tracing.hpp"

#include <string_view>
#include <utility>

#include "proto/cloudevents.hpp"

namespace wsidecar::core {
namespace {

using proto::span_kind;

std::string without_query(std::string_view target) {
    return std::string(target.substr(0, target.find('?')));
}

void fail(proto::span& s, std::string_view error) {
    s.error = error;
    s.set("error.type", std::string(error));
}

}  // namespace

/// A server span from the request, checked, to its answer. `traceparent`, the client's, becomes the span's own: the connect
/// event's parent. `trusted`: who wrote it decides what is recorded.
std::function<void(handshake_verdict)> tracing::handshake(const connection& c, std::string& traceparent, bool trusted,
                                                          std::function<void(handshake_verdict)> done) {
    if (c.route->path.empty()) {
        return done;  // the app's own relay: no HTTP request
    }
    std::string context;
    const auto begin = trusted ? &tracer::start : &tracer::start_below_stranger;
    const auto s = (spans_.*begin)(span_kind::server, traceparent, "GET " + c.route->path, timers_.wall(), context);
    traceparent = std::move(context);
    if (!s) {
        return done;
    }
    s->set("http.request.method", "GET");
    s->set("http.route", c.route->path);
    s->set("url.path", std::string(c.path()));
    s->set("url.scheme", config_.listen.tls.cert.empty() ? "http" : "https");
    s->set("wsidecar.connection.id", c.id);
    return [this, s, done = std::move(done)](handshake_verdict v) {
        const unsigned status = v.accepted ? 101 : v.status;
        s->set("http.response.status_code", static_cast<std::int64_t>(status));
        if (status >= 500) {
            fail(*s, word(v.cause).data());
        }
        spans_.finish(s, timers_.wall());
        done(std::move(v));
    };
}

/// A client span for an event, all its attempts. The event's traceparent names it, so that it is the parent of the app's own.
span_ptr tracing::event(const connection& c, std::string_view parent, const app_request& request, proto::event_head& head) {
    auto s = spans_.start(span_kind::client, parent, "POST " + c.route->path, timers_.wall(), head.traceparent);
    if (s) {
        s->set("http.request.method", "POST");
        s->set("url.template", c.route->path);
        s->set("url.path", without_query(request.target));
        s->set("cloudevents.event_type", std::string("wsidecar.") + proto::event_name(head.type));
        s->set("cloudevents.event_id", request.id);
        s->set("cloudevents.event_source", "/wsidecar/" + head.instance);
        s->set("wsidecar.connection.id", c.id);
    }
    return s;
}

/// `status` 0: no answer. `error`: null for none, or for the status's own.
void tracing::end_event(span_ptr s, unsigned status, unsigned attempts, const char* error) {
    if (status != 0) {
        s->set("http.response.status_code", static_cast<std::int64_t>(status));
    }
    if (attempts > 1) {
        s->set("http.request.resend_count", static_cast<std::int64_t>(attempts - 1));
    }
    if (error != nullptr) {
        fail(*s, error);
    } else if (status >= 300) {
        fail(*s, std::to_string(status));
    } else if (status == 0) {
        fail(*s, "no_answer");
    }
    spans_.finish(s, timers_.wall());
}

/// A consumer span from the push's arrival in this instance to its end here: confirmed, or, from a channel, queued.
span_ptr tracing::push(const proto::envelope& push, const push_origin& from) {
    const bool list = from.id >= first_delivery_id && (from.id & of_channel) == 0;
    const std::string where = list ? config_.prefix + config_.outbox.key : "channel";
    std::string context;
    auto s = spans_.start(span_kind::consumer, push.traceparent, "deliver " + where, timers_.wall(), context);
    if (s) {
        s->set("messaging.system", "redis");
        s->set("messaging.operation.name", "deliver");
        s->set("messaging.operation.type", "process");
        s->set("messaging.destination.name", where);
        s->set("messaging.message.body.size", static_cast<std::int64_t>(push.payload.size()));
        if (!push.id.empty()) {
            s->set("messaging.message.id", push.id);
        }
    }
    return s;
}

void tracing::end_push(span_ptr s, std::size_t connections, const char* error) {
    s->set("wsidecar.connections", static_cast<std::int64_t>(connections));
    if (error != nullptr) {
        fail(*s, error);
    }
    spans_.finish(s, timers_.wall());
}

}  // namespace wsidecar::core
