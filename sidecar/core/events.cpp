#include "sidecar/core/events.hpp"

#include <algorithm>

#include "proto/app_reply.hpp"
#include "proto/cloudevents.hpp"
#include "proto/text/ids.hpp"
#include "sidecar/core/backlog.hpp"
#include "sidecar/core/commands.hpp"
#include "sidecar/core/event_head.hpp"
#include "sidecar/core/history.hpp"
#include "sidecar/core/keyed_hash.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/core/registrations.hpp"

namespace wsidecar::core {
namespace {

using namespace std::chrono_literals;

std::chrono::milliseconds backoff(unsigned attempt) {
    const auto ceiling = std::min<std::int64_t>(5000, 100LL << std::min(attempt, 6U));
    return std::chrono::milliseconds(
        ceiling / 2 + static_cast<std::int64_t>(proto::random_below(static_cast<std::uint32_t>(ceiling / 2 + 1))));
}

}  // namespace

events::events(context& x, core::commands& commands, core::registrations& registrations, core::history& history,
               core::backlog& backlog)
    : context_(x),
      config_(x.config),
      metrics_(x.metrics),
      app_(x.app),
      bus_(x.bus),
      timers_(x.timers),
      tracing_(x.tracing),
      commands_(commands),
      registrations_(registrations),
      history_(history),
      backlog_(backlog) {}

std::shared_ptr<exchange> events::new_exchange(event_sender& sender, const connection_ptr& c, proto::event_type type) {
    const auto x = std::make_shared<exchange>();
    x->sender = &sender;
    x->c = c;
    x->type = type;
    x->head = event_head_of(context_, *c, type);
    x->head.sequence = ++c->sequence;
    x->request.host = c->host.str();
    x->request.id = c->id + ':' + std::to_string(c->sequence);
    return x;
}

void events::attempt(std::shared_ptr<exchange> x) {
    connection& c = *x->c;
    ++x->attempts;
    x->since = timers_.now();
    x->begun = x->attempts == 1 ? x->since : x->begun;
    x->head.attempt = x->attempts;
    if (tracing_.on() && x->attempts == 1) {
        x->span = tracing_.event(c, {}, x->request, x->head);
    }
    app_request r = x->request;
    r.headers = proto::event_headers(x->head, c.common_headers, c.own_headers, c.cookie);
    r.owner = keyed_hash(c.user.empty() ? c.id : c.user);
    app_.send(std::move(r), [this, x](app_answer a) {
        metrics_.event_seconds.observe(std::chrono::duration<double>(timers_.now() - x->since).count());
        on_answer(x, std::move(a));
    });
}

void events::on_answer(std::shared_ptr<exchange> x, app_answer a) {
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
                reject(x, 0, event_outcome::ambiguous);
            }
            return;
        case app_failure::too_big:
            metrics_.hit("answer_too_big");
            reject(x, 0, event_outcome::answer_too_big);
            return;
        case app_failure::none: break;
    }
    x->status = a.status;
    if (a.status / 100 != 2) {
        commands_.take_cookies(*x->c, a.headers);  // those of a 2xx are taken with its commands
    }
    if (a.status / 100 == 4 && x->stomp) {
        x->error = std::make_shared<const proto::stomp_error>(proto::read_stomp_error(a.headers, a.body));
    }
    switch (proto::classify(x->type, a.status, x->c->route->on_unauthorized == "keep")) {
        case proto::verdict::retry: retry(x, proto::retry_after(a.headers, timers_.wall()), false, "status"); return;
        case proto::verdict::login_gone:
            x->sender->refuse(*x, 4401, "login");
            drop_inbound(*x->c, undelivered_reason::login_gone);
            finish(x, event_outcome::login_gone);
            return;
        case proto::verdict::done: take_answer(x, std::move(a)); return;
        default: reject(x, a.status, a.status >= 500 ? event_outcome::app_error : event_outcome::rejected); return;
    }
}

void events::retry(std::shared_ptr<exchange> x, std::optional<std::chrono::milliseconds> after, bool down, const char* cause) {
    const auto now = timers_.now();
    auto& spent = down ? x->spent_down : x->spent_up;
    spent += std::chrono::duration_cast<std::chrono::milliseconds>(now - x->since);
    auto wait = backoff(x->attempts - 1);
    if (after && *after > wait) {
        wait = *after + std::chrono::milliseconds(proto::random_below(250));
    }
    const auto limit = down ? config_.app.retry.down_deadline : config_.app.retry.deadline;
    if (spent + wait > limit) {
        give_up(x, cause);
        return;
    }
    spent += wait;
    metrics_.event_retries.at({proto::event_name(x->type), cause}) += 1;
    // It is held here until finish(): an exchange and its own timer would keep each other alive when the process ends.
    retrying_.insert(x);
    x->timer = timers_.after(wait, [this, waiting = std::weak_ptr(x)] {
        const auto due = waiting.lock();
        due->timer.reset();
        attempt(due);
    });
}

void events::give_up(const std::shared_ptr<exchange>& x, const char* cause) {
    log::limited(log::level::warn, "events", "an event was given up: the app did not take it in time",
                 {{"event", proto::event_name(x->type)},
                  {"connection", x->c->id},
                  {"user", x->c->user},
                  {"attempts", x->attempts},
                  {"cause", cause}});
    const bool ending = x->type == proto::event_type::disconnect;
    metrics_.undelivered[ending ? undelivered_reason::app_deadline_disconnect : undelivered_reason::app_deadline] += 1;
    metrics_.hit("app_deadline");
    if (!ending) {
        x->sender->refuse(*x, 1013, "the application does not answer");
        drop_inbound(*x->c, undelivered_reason::app_deadline);
    }
    finish(x, event_outcome::given_up);
}

/// Drops what the client sent after a message that ended the connection: the app must not get it without that message.
void events::drop_inbound(connection& c, undelivered_reason reason) {
    if (c.inbound) {
        metrics_.undelivered[reason] += static_cast<double>(c.inbound->queue.size());
        c.inbound->queue.clear();
        c.inbound->bytes = 0;
    }
}

void events::reject(std::shared_ptr<exchange> x, unsigned status, event_outcome why) {
    log::limited(log::level::warn, "events", "the app did not take an event",
                 {{"event", proto::event_name(x->type)},
                  {"reason", word(why)},
                  {"status", status},
                  {"connection", x->c->id},
                  {"user", x->c->user},
                  {"path", x->c->path()}});
    if (x->type == proto::event_type::message) {
        const undelivered_reason reason = undelivered_reason_of(why);
        metrics_.undelivered[reason] += 1;
        if (x->c->route->on_reject == "close") {
            x->sender->refuse(*x, 1008, "rejected");
            drop_inbound(*x->c, reason);
        }
    }
    finish(x, why);
}

void events::take_answer(std::shared_ptr<exchange> x, app_answer a) {
    connection_ptr c = x->c;
    if (x->type == proto::event_type::disconnect) {
        finish(x, event_outcome::done);
        return;
    }
    auto reply = std::make_shared<proto::app_reply>(proto::parse_reply(a.headers, std::move(a.body)));
    const bool renamed = commands_.take(*c, *reply, true);
    commands_.note_problems(*c, *reply);
    const auto answer = [this, x, c, reply] {
        x->sender->reply(*x, *reply);
        if (reply->close) {
            c->close(reply->close->code, reply->close->reason);
        }
        finish(x, event_outcome::done);
    };
    if (renamed && c->session != nullptr) {
        // The registry is updated before the answer is sent, so that the next push to this user or group finds the connection.
        c->mailbox_due = std::max(c->mailbox_due, 0);  // kept pushes that came so far belong to earlier registrations
        history_.mark_before(c);
        backlog_.expect_mailbox(c, 1);  // live pushes wait for the registry's answer, and for the mailbox
        bus_.enroll(registrations_.of(*c), [this, c, answer](enroll_result r) {
            if (r.outcome == enroll_outcome::refused) {
                metrics_.bad_answers.at({"bad_answer", "connections_per_user"}) += 1;
                metrics_.hit("connections_per_user");
                c->close(1013, "too many connections of this user");
            }
            answer();
            backlog_.expect_mailbox(c, r.mailbox);
            history_.recall(c);
            backlog_.mailbox_came(*c);
        });
    } else {
        answer();
    }
}

waiting_events events::waiting() const {
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

void events::finish(std::shared_ptr<exchange> x, event_outcome outcome) {
    if (x->attempts > 1) {
        retrying_.erase(x);
    }
    metrics_.events.at({proto::event_name(x->type), word(outcome)}) += 1;
    if (x->span) {
        tracing_.end_event(std::move(x->span), x->status, x->attempts,
                           outcome == event_outcome::done ? nullptr : word(outcome));
    }
    x->sender->finished(x, outcome);
}

void events::tell(const std::string& path, std::string body, const std::string& id, std::function<void(bool)> done) {
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
