#include "sidecar/app/operator_api.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <utility>

#include "config/values.hpp"
#include "proto/envelope_signature.hpp"
#include "proto/text/rfc3339.hpp"
#include "sidecar/app/metrics_text.hpp"
#include "sidecar/app/resources.hpp"
#include "sidecar/app/snapshot.hpp"
#include "sidecar/core/client_resources.hpp"
#include "sidecar/core/handshake_rate.hpp"

namespace wsidecar::app {
using namespace std::chrono_literals;
namespace json = boost::json;
namespace {

/// Below kubelet's default timeout of a probe (1 s).
constexpr auto app_patience = 800ms;
/// The body of POST /push: as much as outbox.max_envelope can be.
constexpr std::size_t push_at_most = 4UL * 1024 * 1024;

admin_answer answer(unsigned status, const json::object& body) {
    return {status, serialized(body) + "\n"};
}

// ----------------------------------------------------------------------------------------------------- readyz

void report_ready(const operator_view& v, const std::string& app, const admin_respond& respond) {
    const auto redis = v.bus.status();
    const bool draining = v.leaving.at() != drain::stage::serving;
    const bool ready = !draining && (app == "ok" || !v.config.readyz.app) && (redis.ok || !v.config.readyz.redis);
    json::object o{{"ready", ready}, {"app", app}, {"redis", redis.words}, {"instance", v.gateway.instance()}};
    if (draining) {
        o["draining"] = true;
    }
    if (v.clients.used().pending_full) {
        // Others are still served, and it may be one client's doing: no reason to be unready.
        o["pending_connections"] = "full";
    }
    respond(answer(ready ? 200 : 503, o));
}

/// Whoever asks at about the same time shares one question to the app: the admin address is everybody's.
class app_question : public std::enable_shared_from_this<app_question> {
public:
    explicit app_question(const operator_view& v) : view_(v) {}

    /// `now`: an answer of a moment ago is not good enough.
    void ask(bool now, std::function<void(const std::string&)> done) {
        if (!now && asked_ && view_.timers.now() - answered_at_ < good_for) {
            done(answer_);
            return;
        }
        waiting_.push_back(std::move(done));
        if (waiting_.size() > 1) {
            return;
        }
        const auto number = ++number_;
        deadline_ = view_.timers.after(app_patience,
                                       [self = shared_from_this(), number] { self->answered(number, "no answer in time"); });
        view_.app.probe([self = shared_from_this(), number, health = !view_.config.app.health.empty()](bool well) {
            self->answered(number, well     ? "ok"
                                   : health ? "app.health is not answered with 2xx"
                                            : "does not accept connections");
        });
    }

private:
    static constexpr auto good_for = 100ms;

    void answered(std::uint64_t number, const char* what) {
        if (number != number_ || waiting_.empty()) {
            return;  // late
        }
        deadline_.reset();
        asked_ = true;
        answer_ = what;
        answered_at_ = view_.timers.now();
        for (const auto& done : std::exchange(waiting_, {})) {
            done(answer_);
        }
    }

    const operator_view& view_;
    bool asked_ = false;
    std::string answer_;
    core::timer_port::clock::time_point answered_at_;
    std::uint64_t number_ = 0;
    core::timer_port::handle deadline_;
    std::vector<std::function<void(const std::string&)>> waiting_;
};

// ------------------------------------------------------------------------------------------------ connections

json::array strings(const std::vector<std::string>& from) {
    json::array out;
    for (const auto& s : from) {
        out.push_back(text(s));
    }
    return out;
}

admin_answer connections(const operator_view& v, const std::string& user) {
    json::array list;
    v.gateway.registry().for_each([&](const core::connection& c) {
        if (c.session == nullptr || c.relayed || (!user.empty() && c.user != user)) {
            return;  // without a session: its 101 is still to come
        }
        json::object o{{"id", c.id}, {"path", text(c.path())}, {"since", proto::format_rfc3339(c.since)}};
        if (!c.user.empty()) {
            o["user"] = text(c.user);
        }
        o["aliases"] = strings(c.aliases);
        o["groups"] = strings(c.groups);
        if (c.session != nullptr) {
            o["queued_bytes"] = c.session->queued_bytes();
        }
        list.push_back(std::move(o));
    });
    return answer(200, {{"instance", v.gateway.instance()}, {"count", list.size()}, {"connections", std::move(list)}});
}

// ------------------------------------------------------------------------------------------------------- push

/// What is wrong with a body of POST /push; empty: nothing. A signature may be there, and is right then.
std::string complaint(const std::string& body, const std::vector<std::string>& secrets, bool with_redis) {
    for (const auto& item : proto::decode_signed_envelopes(body, {secrets, false})) {
        if (!item.value) {
            const auto p = item.value.error();
            return *p.detail == '\0' ? p.reason : std::string(p.reason) + ": " + p.detail;
        }
        if (!with_redis && (item.value->mailbox || !item.value->receipt.empty())) {
            return "mailbox and receipt need Redis (redis.url is none)";
        }
    }
    return {};
}

/// Whoever may call POST /push is believed: what has no signature gets ours.
std::string signed_body(const std::string& body, const std::vector<std::string>& secrets) {
    const auto items = secrets.empty() ? std::vector<proto::envelope_item>() : proto::decode_envelopes(body);
    std::string out;
    for (const auto& item : items) {
        out += out.empty() ? "" : ",";
        out += item.value->is_signed ? std::string(item.raw) : proto::sign_envelope(std::string(item.raw), secrets);
    }
    return items.empty() ? body : items.size() == 1 ? out : '[' + out + ']';
}

void push(const operator_view& v, const std::string& body, admin_respond respond) {
    if (const auto most = v.config.outbox.max_envelope; body.size() > most && v.config.redis.url != "none") {
        respond(answer(413, {{"error", "too_large: larger than outbox.max_envelope (" + config::format_size(most) + ")"}}));
        return;
    }
    if (const auto wrong = complaint(body, v.config.push.secrets, v.config.redis.url != "none"); !wrong.empty()) {
        respond(answer(400, {{"error", wrong}}));
        return;
    }
    v.bus.push(signed_body(body, v.config.push.secrets), [respond = std::move(respond)](std::optional<problem> trouble) {
        if (trouble) {
            respond(answer(503, {{"error", std::string(trouble->reason) + ": " + trouble->detail}}));
        } else {
            respond(answer(202, {{"accepted", true}}));
        }
    });
}

// ---------------------------------------------------------------------------------------------------- metrics

admin_answer scrape(const operator_view& v) {
    refresh_gauges(v);
    std::size_t queued = 0;
    std::size_t longest = 0;
    v.gateway.registry().for_each([&](const core::connection& c) {
        const std::size_t bytes = c.session != nullptr ? c.session->queued_bytes() : 0;
        queued += bytes;
        longest = std::max(longest, bytes);
    });
    v.metrics.queued_bytes.value() = static_cast<double>(queued);
    const std::size_t held = v.clients.held_bytes();
    v.metrics.client_bytes.at({"pending"}) = static_cast<double>(v.clients.used().pending_bytes);
    v.metrics.client_bytes.at({"queued"}) = static_cast<double>(queued);
    v.metrics.client_bytes.at({"begun"}) = static_cast<double>(held - std::min(held, queued));
    v.metrics.limit_used.at({"limits.queue"}) = static_cast<double>(longest);
    return {200, metrics_text(v.metrics), "text/plain; version=0.0.4; charset=utf-8"};
}

}  // namespace

void refresh_gauges(const operator_view& v) {
    auto& m = v.metrics;
    const auto app = v.app.stats();
    m.app_in_flight.value() = static_cast<double>(app.in_flight);
    m.app_queued.value() = static_cast<double>(app.queued);
    const auto waiting = v.gateway.waiting();
    m.events_waiting.value() = static_cast<double>(waiting.count);
    m.event_oldest.value() = waiting.oldest;
    m.app_connections.value() = static_cast<double>(app.connections);
    m.app_up.value() = v.app.accepting() ? 1 : 0;
    m.redis_up.value() = v.bus.status().ok ? 1 : 0;
    m.connections.value() = static_cast<double>(v.gateway.connections());
    const auto clients = v.clients.used();
    m.limit.at({"pending_connections"}) = static_cast<double>(v.clients.limits().pending);
    m.limit.at({"pending_bytes"}) = static_cast<double>(v.clients.limits().pending_bytes);
    m.limit_used.at({"max_connections"}) = static_cast<double>(v.gateway.connections() + clients.tunnels);
    m.limit_used.at({"pending_connections"}) = static_cast<double>(clients.pending);
    m.limit_used.at({"pending_bytes"}) = static_cast<double>(clients.pending_bytes);
    m.limit_used.at({"sockjs.ended"}) = static_cast<double>(clients.sockjs_ended);
    m.pending_full.value() = clients.pending_full ? 1 : 0;
    if (v.admin != nullptr) {
        m.limit_used.at({"admin.connections"}) = static_cast<double>(v.admin->connections());
        m.limit_used.at({"admin.bodies"}) = static_cast<double>(v.admin->body_bytes());
    }
    m.limit_used.at({"pass.concurrency"}) = static_cast<double>(v.pass != nullptr ? v.pass->placed() : 0);
    m.limit_used.at({"app.concurrency"}) = static_cast<double>(app.in_flight);
    m.limit_used.at({"inbox.count"}) = m.unconfirmed.value();
    m.limit_used.at({"memory_bytes"}) = static_cast<double>(resident_bytes());
    m.limit_hits.at({"app.concurrency"}) = static_cast<double>(app.waited);
}

void show_limits(const config::config& c, core::metrics& m) {
    const auto set = [&](const char* name, auto value) { m.limit.at({name}) = static_cast<double>(value); };
    const auto seconds = [&](const char* name, std::chrono::milliseconds d) {
        set(name, std::chrono::duration<double>(d).count());
    };
    set("max_connections", c.max_connections);
    set("accept_rate", c.accept_rate);
    set("connections_per_user", c.connections_per_user);
    set("connections_per_address", c.connections_per_address);
    set("handshakes_per_address", c.handshakes_per_address);
    set("handshakes_per_user", c.handshakes_per_user);
    set("handshakes.remembered", 2 * core::handshake_rate::names_at_most);
    set("app.concurrency", c.app.concurrency);
    set("app.max_header", c.app.max_header);
    set("app.max_answer", c.app.max_answer);
    seconds("app.retry.deadline", c.app.retry.deadline);
    set("limits.message", c.limits.message);
    set("limits.fragments", c.limits.fragments);
    set("limits.headers", c.limits.headers);
    set("limits.header_count", c.limits.header_count);
    seconds("limits.handshake", c.limits.handshake);
    seconds("limits.message_time", c.limits.message_time);
    set("pass.concurrency", c.pass.concurrency);
    set("stomp.transactions", core::stomp_transaction_bytes);
    set("read_ahead", core::read_ahead_bytes);
    set("sockjs.ended", core::sockjs_ended_bytes);
    set("history.reads", core::history_reads_bytes);
    set("history.reads_per_client", core::history_reads_per_client);
    set("admin.connections", admin_connections_at_most);
    set("admin.bodies", admin_bodies_at_most);
    set("limits.messages_per_second", c.limits.messages_per_second);
    set("limits.queue", c.limits.queue);
    set("limits.frame", c.limits.frame);
    seconds("limits.first_frame", c.limits.first_frame);
    set("limits.subscriptions", c.limits.subscriptions);
    set("limits.patterns", c.limits.patterns);
    set("limits.subscriptions_per_second", c.limits.subscriptions_per_second);
    set("limits.unacknowledged", c.limits.unacknowledged);
    seconds("limits.ack_time", c.limits.ack_time);
    set("outbox.max_envelope", c.outbox.max_envelope);
    set("inbox.count", c.inbox.count);
    set("mailbox.count", c.mailbox.count);
    seconds("mailbox.age", c.mailbox.age);
}

void serve_operators(admin_server& server, operator_view& v) {
    using access = admin_server::access;
    using request = admin_request;
    // The admin address is opened after the clients' one, so an answer says that both listen.
    server.route("GET", "/startupz", access::everybody, [](const request&, admin_respond r) {
        r(answer(200, {{"started", true}}));
    });
    // There is one event loop: that it answers is the proof that it turns.
    server.route("GET", "/livez", access::everybody, [](const request&, admin_respond r) { r(answer(200, {{"live", true}})); });
    server.route("GET", "/readyz", access::everybody,
                 [&v, question = std::make_shared<app_question>(v)](const request& q, admin_respond r) {
                     question->ask(q.of_operator, [&v, r = std::move(r)](const std::string& app) { report_ready(v, app, r); });
                 });
    server.route("GET", "/metrics", access::everybody, [&v](const request&, admin_respond r) { r(scrape(v)); });
    server.route("GET", "/connections", access::operators,
                 [&v](const request& q, admin_respond r) { r(connections(v, q.parameter("user"))); });
    server.route(
        "POST", "/push", access::operators, [&v](const request& q, admin_respond r) { push(v, q.body, std::move(r)); },
        push_at_most);
    server.route("POST", "/drain", access::operators, [&v](const request&, admin_respond r) {
        v.leaving.begin([r = std::move(r)] { r(answer(200, {{"drained", true}})); });
    });
}

}  // namespace wsidecar::app
