// gateway: messages of an open connection, their answers, and its end.

#include <algorithm>

#include "proto/app_reply.hpp"
#include "proto/cloudevents.hpp"
#include "proto/ids.hpp"
#include "sidecar/core/client_resources.hpp"
#include "sidecar/core/exchange.hpp"
#include "sidecar/core/gateway.hpp"
#include "sidecar/core/keyed_hash.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/core/stomp_client.hpp"

namespace wsidecar::core {
namespace {

using namespace std::chrono_literals;

/// How much of a client is read ahead of a slow app. Beyond it TCP tells the client.
constexpr std::size_t read_ahead_messages = 16;

bool too_far_ahead(const inbound_work& w) {
    return w.queue.size() >= read_ahead_messages || w.bytes >= read_ahead_bytes;
}

std::chrono::milliseconds backoff(unsigned attempt) {
    const auto ceiling = std::min<std::int64_t>(5000, 100LL << std::min(attempt, 6U));
    return std::chrono::milliseconds(
        ceiling / 2 + static_cast<std::int64_t>(proto::random_below(static_cast<std::uint32_t>(ceiling / 2 + 1))));
}

}  // namespace

void gateway::message(connection& c, bool text, std::string_view payload) {
    (text ? received_text_ : received_binary_) += 1;
    received_bytes_ += static_cast<double>(payload.size());
    if (c.stomp) {
        stomp_bytes(c, payload);
        return;
    }
    const auto& inbound = c.route->inbound;
    const bool to_redis = !inbound.publish.empty() || !inbound.rpush.empty();
    if (to_redis) {
        bus_.send_inbound(c.id, inbound.publish, inbound.rpush, payload);
    }
    if (!c.route->has_event("message")) {
        metrics_.undelivered.at({"no_message_event"}) += to_redis ? 0 : 1;
        return;
    }
    enqueue(c, {text, std::string(payload), nullptr});
}

void gateway::enqueue(connection& c, inbound_work::item item) {
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

/// One after the other: each takes its turn when the one before it is done with.
void gateway::pump(connection_ptr c) {
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
        item.stomp ? stomp_turn(c, std::move(item)) : message_event(c, std::move(item));
    }
    c->pumping = false;
    if (!c->busy) {
        c->inbound.reset();
        maybe_disconnect(c);
    }
}

std::shared_ptr<gateway::exchange> gateway::new_exchange(const connection_ptr& c, proto::event_type type) {
    const auto x = std::make_shared<exchange>();
    x->c = c;
    x->type = type;
    x->head = event_head_of(*c, type);
    x->head.sequence = ++c->sequence;
    x->request.host = c->host.str();
    x->request.id = c->id + ':' + std::to_string(c->sequence);
    return x;
}

void gateway::message_event(const connection_ptr& c, inbound_work::item item) {
    const auto x = new_exchange(c, proto::event_type::message);
    x->head.content_type = proto::content_type_for(c->route->content_type, item.text, item.payload);
    x->request.target = event_target(*c, "message");
    x->request.body = std::move(item.payload);
    attempt(x);
}

void gateway::attempt(std::shared_ptr<exchange> x) {
    connection& c = *x->c;
    ++x->attempts;
    x->since = timers_.now();
    x->begun = x->attempts == 1 ? x->since : x->begun;
    x->head.attempt = x->attempts;
    if (spans_.on() && x->attempts == 1) {
        x->span = trace_event(c, {}, x->request, x->head);
    }
    app_request r = x->request;
    r.headers = proto::event_headers(x->head, c.common_headers, c.own_headers, c.cookie);
    r.owner = keyed_hash(c.user.empty() ? c.id : c.user);
    app_.send(std::move(r), [this, x](app_answer a) {
        metrics_.event_seconds.observe(std::chrono::duration<double>(timers_.now() - x->since).count());
        on_answer(x, std::move(a));
    });
}

void gateway::on_answer(std::shared_ptr<exchange> x, app_answer a) {
    const bool ending = x->type == proto::event_type::disconnect;
    switch (a.failure) {
        case app_failure::unsent:
        case app_failure::unreached: retry(x, {}, !app_.accepting(), "unreached"); return;
        case app_failure::timeout:
        case app_failure::cut:
            // The app may have done it. A disconnect event can be repeated by its ce-id; a message only when the app says so.
            if (ending || config_.app.retry.ambiguous) {
                retry(x, {}, false, a.failure == app_failure::timeout ? "timeout" : "cut");
            } else {
                reject(x, 0, "ambiguous");
            }
            return;
        case app_failure::too_big:
            metrics_.hit("answer_too_big");
            reject(x, 0, "answer_too_big");
            return;
        case app_failure::none: break;
    }
    x->status = a.status;
    if (a.status / 100 != 2) {
        take_cookies(*x->c, a.headers);  // of a 2xx they are taken with the commands
    }
    switch (proto::classify(x->type, a.status, x->c->route->on_unauthorized == "keep")) {
        case proto::verdict::retry: retry(x, proto::retry_after(a.headers, timers_.wall()), false, "status"); return;
        case proto::verdict::login_gone:
            refuse_client(*x, 4401, "login");
            drop_inbound(*x->c, "login_gone");
            finish(x, "login_gone");
            return;
        case proto::verdict::done: take_answer(x, std::move(a)); return;
        default: reject(x, a.status, a.status >= 500 ? "app_error" : "rejected"); return;
    }
}

/// The connection ends for what the app said, or did not say.
void gateway::refuse_client(const exchange& x, std::uint16_t code, const char* reason) {
    if (x.stomp) {
        stomp_fail(*x.c, "app_refused", reason, x.stomp->header("receipt"), code);
    } else {
        close(*x.c, code, reason);
    }
}

void gateway::retry(std::shared_ptr<exchange> x, std::optional<std::chrono::milliseconds> after, bool down, const char* cause) {
    const auto now = timers_.now();
    auto& spent = down ? x->spent_down : x->spent_up;
    spent += std::chrono::duration_cast<std::chrono::milliseconds>(now - x->since);
    auto wait = backoff(x->attempts - 1);
    if (after && *after > wait) {
        wait = *after + std::chrono::milliseconds(proto::random_below(250));
    }
    const auto limit = down ? config_.app.retry.down_deadline : config_.app.retry.deadline;
    if (spent + wait > limit) {
        log::limited(log::level::warn, "events", "an event was given up: the app did not take it in time",
                     {{"event", proto::event_name(x->type)},
                      {"connection", x->c->id},
                      {"user", x->c->user},
                      {"attempts", x->attempts},
                      {"cause", cause}});
        const bool ending = x->type == proto::event_type::disconnect;
        metrics_.undelivered.at({ending ? "app_deadline_disconnect" : "app_deadline"}) += 1;
        metrics_.hit("app_deadline");
        if (!ending) {
            refuse_client(*x, 1013, "the application does not answer");
            drop_inbound(*x->c, "app_deadline");
        }
        finish(x, "given_up");
        return;
    }
    spent += wait;
    metrics_.event_retries.at({proto::event_name(x->type), cause}) += 1;
    // The gateway holds it until finish(): an exchange and its own timer would hold each other for ever when the process ends.
    retrying_.insert(x);
    x->timer = timers_.after(wait, [this, waiting = std::weak_ptr(x)] {
        const auto due = waiting.lock();
        due->timer.reset();
        attempt(due);
    });
}

/// What the client sent behind a message that ended the connection: the app must not get it without that one.
void gateway::drop_inbound(connection& c, const char* reason) {
    if (c.inbound) {
        metrics_.undelivered.at({reason}) += static_cast<double>(c.inbound->queue.size());
        c.inbound->queue.clear();
        c.inbound->bytes = 0;
    }
}

void gateway::reject(std::shared_ptr<exchange> x, unsigned status, const char* reason) {
    log::limited(log::level::warn, "events", "the app did not take an event",
                 {{"event", proto::event_name(x->type)},
                  {"reason", reason},
                  {"status", status},
                  {"connection", x->c->id},
                  {"user", x->c->user},
                  {"path", x->c->path()}});
    if (x->type == proto::event_type::message) {
        metrics_.undelivered.at({reason}) += 1;
        if (x->c->route->on_reject == "close") {
            refuse_client(*x, 1008, "rejected");
            drop_inbound(*x->c, reason);
        }
    }
    finish(x, reason);
}

void gateway::take_answer(std::shared_ptr<exchange> x, app_answer a) {
    connection_ptr c = x->c;
    if (x->type == proto::event_type::disconnect) {
        finish(x, "done");
        return;
    }
    auto reply = std::make_shared<proto::app_reply>(proto::parse_reply(a.headers, std::move(a.body)));
    const bool renamed = take_commands(*c, *reply, true);
    note_problems(*c, *reply);
    const auto answer = [this, x, c, reply] {
        if (reply->message && x->stomp) {
            stomp_reply(*x, *reply);
            metrics_.bad_answers.at({"bad_answer", "body"}) +=
                static_cast<double>(reply->more.size());  // a destination gets one
        } else {
            for (auto& message : messages_of(*reply)) {
                if (c->session != nullptr) {
                    c->session->send(std::move(message), tag_answer);
                } else {
                    metrics_.undelivered.at({"connection_gone"}) += 1;
                }
            }
        }
        if (reply->close) {
            close(*c, reply->close->code, reply->close->reason);
        }
        finish(x, "done");
    };
    if (renamed && c->session != nullptr) {
        // Who asks for this user or group next must find it: the registry first, then the answer and the next event.
        c->mailbox_due = std::max(c->mailbox_due, 0);  // what came uncounted so far is not of this
        mark_before(c);
        expect_mailbox(c, 1);  // live pushes wait for the registry's word, and for what was kept
        bus_.enroll(registration_of(*c), [this, c, answer](enroll_result r) {
            if (r.outcome == enroll_outcome::refused) {
                metrics_.bad_answers.at({"bad_answer", "connections_per_user"}) += 1;
                metrics_.hit("connections_per_user");
                close(*c, 1013, "too many connections of this user");
            }
            answer();
            expect_mailbox(c, r.mailbox);
            recall(c);
            mailbox_came(*c);
        });
    } else {
        answer();
    }
}

gateway::waiting_events gateway::waiting() const {
    waiting_events out;
    const auto now = timers_.now();
    for (const auto& x : retrying_) {
        ++out.count;
        out.oldest = std::max(out.oldest, std::chrono::duration<double>(now - x->begun).count());
        if (x->type == proto::event_type::message && x->c->inbound) {
            out.count += x->c->inbound->queue.size();
        }
    }
    return out;
}

void gateway::finish(std::shared_ptr<exchange> x, const char* result) {
    if (x->attempts > 1) {
        retrying_.erase(x);
    }
    metrics_.events.at({proto::event_name(x->type), result}) += 1;
    if (x->span) {
        end_event_span(std::move(x->span), x->status, x->attempts, std::string_view(result) == "done" ? nullptr : result);
    }
    connection_ptr c = x->c;
    if (x->stomp) {
        stomp_finished(x, result);
        return;
    }
    if (x->type == proto::event_type::message) {
        c->busy = false;
        pump(c);
        return;
    }
    const std::string_view r = result;
    const bool taken = r != "given_up";
    if (x->taken) {
        x->taken(taken);
        return;
    }
    --ending_;
    endings_.erase(c->id);
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
        .reason = c->end_reason,
        .since = timers_.wall(),
    });
}

void gateway::closed(connection& c, std::uint16_t code, std::string_view reason, const char* cause) {
    if (c.at == connection::phase::closed) {
        return;
    }
    const connection_ptr keep(&c);
    c.session = nullptr;
    c.at = connection::phase::closed;
    if (c.close_code == 0) {
        c.close_code = code;
        c.close_reason = reason;
    }
    if (!c.relayed) {
        metrics_.closes.at({close_label(c.close_code), cause}) += 1;
        metrics_.hit(cause);
        recent_close& r = recent_.closes.next();
        r.time = timers_.wall();
        r.connection = c.id;
        r.user = c.user;
        r.code = c.close_code;
        r.reason = c.close_reason.view();
        r.cause = cause;
        metrics_.connections.value() = static_cast<double>(--open_);
    }
    log::debug("connection", "closed", {{"connection", c.id}, {"user", c.user}, {"code", c.close_code}, {"cause", cause}});
    departed_.add(c, timers_.now());
    hub_.leave(c);
    c.keeps = std::string_view(cause) == "slow" && c.route->slow_consumer == "mailbox";
    drop_unconfirmed(c);
    if (c.stomp) {
        stomp_closed(c);
    }
    end(keep);
}

void gateway::end(connection_ptr c) {
    ++ending_;
    endings_.insert(c->id);
    bus_.retire(c->id, [this, c](std::optional<std::uint32_t> left) {
        c->retired = true;
        c->user_connections = left;
        maybe_disconnect(c);
    });
}

void gateway::maybe_disconnect(connection_ptr c) {
    if (c->at != connection::phase::closed || !c->retired || c->busy || (c->inbound && !c->inbound->queue.empty())) {
        return;
    }
    c->retired = false;  // once
    const bool never_there = c->stomp && !c->stomp->established && !c->app_knows;
    if (c->disconnect_sent || c->fenced || never_there || !c->route->has_event("disconnect")) {
        --ending_;
        endings_.erase(c->id);
        bus_.forget(c->id);
        return;
    }
    c->disconnect_sent = true;
    const auto x = std::make_shared<exchange>();
    x->c = c;
    x->type = proto::event_type::disconnect;
    x->head = event_head_of(*c, x->type);
    x->head.sequence = ++c->sequence;
    x->head.end = true;
    x->head.close_code = c->close_code;
    x->head.close_reason = c->close_reason.str();
    x->head.reason = c->end_reason;
    x->request.target = event_target(*c, "disconnect");
    x->request.host = c->host.str();
    x->request.id = c->id + ":end";
    x->request.reserved = true;
    attempt(x);
}

void gateway::speak_for(const lost_connection& lost, std::function<void(bool)> done) {
    route_match found = route_for_(lost.path);
    if (found.route == nullptr) {
        done(false);  // another instance may have the route: in a rolling update they differ
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
    x->c = c;
    x->type = proto::event_type::disconnect;
    x->head = event_head_of(*c, x->type);
    x->head.instance = lost.instance;
    x->head.end = true;
    x->head.close_code = lost.close_code;
    x->head.close_reason = lost.close_reason;
    x->head.reason = lost.reason;
    x->request.target = event_target(*c, "disconnect");
    x->request.id = c->id + ":end";
    x->request.reserved = true;
    x->taken = std::move(done);
    attempt(x);
}

void gateway::tell(const std::string& path, std::string body, const std::string& id, std::function<void(bool)> done) {
    app_request r;
    r.target = path;
    r.headers = "Content-Type: application/json\r\nIdempotency-Key: " + id + "\r\n";
    r.body = std::move(body);
    r.id = id;
    app_.send(std::move(r), [this, path, done = std::move(done)](app_answer a) {
        const bool taken = a.failure == app_failure::none && a.status / 100 == 2;
        const bool never = a.failure == app_failure::none && a.status / 100 == 4 && a.status != 408 && a.status != 429;
        metrics_.callbacks.at({taken ? "taken" : never ? "refused" : "failed"}) += 1;
        if (never) {
            log::limited(log::level::warn, "sources", "the app refuses to be told of deliveries",
                         {{"path", path}, {"status", a.status}});
        }
        done(taken || never);
    });
}

}  // namespace wsidecar::core
