#include "sidecar/net/app_client.hpp"

#include <algorithm>
#include <ctime>
#include <stdexcept>

#include "proto/http/webhook_signature.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/net/app_connection.hpp"

namespace wsidecar::net {

namespace asio = boost::asio;
namespace log = core::log;
using namespace std::chrono_literals;
using boost::system::error_code;
using core::app_answer;
using core::app_failure;

namespace {

constexpr auto sweep_period = 25ms;
/// If a sweep is later than this, the process was paused, and the app was not slow.
constexpr auto standstill = 500ms;

app_answer failed(app_failure failure) {
    app_answer answer;
    answer.failure = failure;
    return answer;
}

/// Advice for the log about a request without an answer; empty if there is none.
std::string_view cure_for(std::string_view why) {
    if (why == "speaks_tls") {
        return "the port of app.url speaks TLS, and wsidecar speaks plain HTTP to the app: open a plain HTTP connector on "
               "127.0.0.1 "
               "and name its port in app.url";
    }
    if (why == "malformed_answer") {
        return "what answers at app.url speaks no HTTP: does the port belong to the app?";
    }
    if (why == "closed_before_answer") {
        return "if this happens to every request: does the port of app.url speak TLS, or no HTTP? wsidecar speaks plain HTTP "
               "to the app";
    }
    if (why == "timeout") {
        return "app.timeout is how long one request may take";
    }
    if (why == "answer_too_big") {
        return "app.max_answer is the largest answer to an event";
    }
    return {};
}

}  // namespace

app_options app_options_of(const config::app& c) {
    app_options o;
    o.url = c.url;
    o.timeout = c.timeout;
    o.concurrency = c.concurrency;
    o.health = c.health;
    o.max_answer = c.max_answer;
    o.signing_secrets = c.signing_secrets;
    return o;
}

app_client::app_client(asio::io_context& loop, app_options options, wall_clock wall)
    : loop_(loop), wall_(std::move(wall)), sweep_timer_(loop), self_(std::make_shared<app_client*>(this)) {
    configure(std::move(options));
}

app_client::~app_client() {
    stop();
}

void app_client::configure(app_options options) {
    auto where = parse_app_url(options.url);
    if (!where) {
        throw std::invalid_argument(where.error().detail);
    }
    std::vector<std::string> keys;
    for (const auto& secret : options.signing_secrets) {
        auto key = proto::webhook_key(secret);
        if (!key) {
            throw std::invalid_argument("app.signing_secret is neither base64 behind whsec_ nor text");
        }
        keys.push_back(std::move(*key));
    }
    signing_keys_ = std::move(keys);
    const bool moved = options.url != options_.url;
    options_ = std::move(options);
    where_ = std::move(*where);
    if (moved) {
        ++epoch_;
        const auto idle = idle_;
        for (const auto& c : idle) {
            drop(*c);
        }
    }
    pump();
}

void app_client::sign(const core::app_request& request, std::string& out) const {
    if (signing_keys_.empty()) {
        return;
    }
    const auto timestamp = std::to_string(std::chrono::system_clock::to_time_t(wall_()));
    out.append("webhook-id: ").append(request.id).append("\r\nwebhook-timestamp: ").append(timestamp);
    out.append("\r\nwebhook-signature: ");
    out.append(proto::webhook_signature(signing_keys_, request.id, timestamp, request.body)).append("\r\n");
}

void app_client::stop() {
    *self_ = nullptr;
    sweep_timer_.cancel();
    for (const auto& c : std::exchange(connections_, {})) {
        c->close();
        c->take_exchange();
    }
    idle_.clear();
    ordinary_.clear();
    reserved_.clear();
    self_ = std::make_shared<app_client*>(this);
    in_flight_ = ordinary_in_flight_ = 0;
    sweeping_ = false;
}

app_client::numbers app_client::stats() const {
    return {in_flight_, ordinary_.size() + reserved_.size(), connections_.size(), opened_, reused_, resent_, waited_};
}

// ------------------------------------------------------------------------------------------ places and queues

bool app_client::room_for(bool reserved) const {
    if (in_flight_ >= options_.concurrency) {
        return false;
    }
    return reserved || ordinary_in_flight_ < ordinary_places();
}

/// A quarter is kept for connect and disconnect events: handlers that hang must not stop handshakes.
std::size_t app_client::ordinary_places() const {
    const auto kept = options_.concurrency < 2 ? 0 : std::max<std::size_t>(1, options_.concurrency / 4);
    return options_.concurrency - kept;
}

/// The most places that one user's messages may take: three quarters of the ordinary places.
std::size_t app_client::share() const {
    return std::max<std::size_t>(1, ordinary_places() * 3 / 4);
}

void app_client::send(core::app_request request, std::function<void(app_answer)> done) {
    auto x = std::make_unique<app_exchange>();
    x->request = std::move(request);
    x->done = std::move(done);
    const bool reserved = x->request.reserved;
    const std::uint64_t owner = x->request.owner;
    const bool first = reserved ? reserved_.empty() : ordinary_.may_go(owner, share());
    if (first && room_for(reserved)) {
        launch(std::move(x));
        return;
    }
    ++waited_;
    if (reserved) {
        reserved_.push_back(std::move(x));
    } else {
        ordinary_.push(owner, std::move(x));
    }
}

app_client::exchange_ptr app_client::next_waiting() {
    const bool reserved = !reserved_.empty() && room_for(true);
    if (room_for(false) && (!reserved || reserved_turn_)) {
        if (auto x = ordinary_.pop(share())) {
            reserved_turn_ = false;
            return std::move(*x);
        }
    }
    if (!reserved) {
        return nullptr;
    }
    reserved_turn_ = true;
    auto x = std::move(reserved_.front());
    reserved_.pop_front();
    return x;
}

void app_client::pump() {
    if (pumping_) {
        return;  // from inside a callback below: the loop there goes on
    }
    pumping_ = true;
    while (auto x = next_waiting()) {
        if (x->request.wanted && !x->request.wanted()) {
            x->done(failed(app_failure::unsent));
        } else {
            launch(std::move(x));
        }
    }
    pumping_ = false;
}

void app_client::launch(exchange_ptr x) {
    ++in_flight_;
    if (!x->request.reserved) {
        ++ordinary_in_flight_;
        ordinary_.take_place(x->request.owner);
    }
    if (idle_.empty()) {
        launch_fresh(std::move(x));
        return;
    }
    const auto c = std::move(idle_.back());
    idle_.pop_back();
    ++reused_;
    arm_sweep();
    c->start(std::move(x));
}

void app_client::finish(exchange_ptr x, app_answer answer) {
    if (!x->probe) {
        --in_flight_;
        if (!x->request.reserved) {
            --ordinary_in_flight_;
            ordinary_.give_back(x->request.owner);
        }
        pump();
    }
    x->done(std::move(answer));
}

// ------------------------------------------------------------------------------------------------ connections

std::chrono::milliseconds app_client::dial_timeout() const {
    return std::min<std::chrono::milliseconds>(options_.timeout, 2s);
}

void app_client::launch_fresh(exchange_ptr x) {
    // std::function wants copies.
    auto shared = std::make_shared<exchange_ptr>(std::move(x));
    dial(loop_, where_, dial_timeout(), [shared, epoch = epoch_, self = self_](error_code ec, app_socket socket) {
        if (*self) {
            (*self)->dialled(std::move(*shared), epoch, ec, std::move(socket));
        }
    });
}

void app_client::dialled(exchange_ptr x, unsigned epoch, error_code ec, app_socket socket) {
    set_accepting(!ec, ec ? ec.message() : std::string());
    if (ec) {
        finish(std::move(x), failed(app_failure::unreached));
        return;
    }
    ++opened_;
    auto c = std::make_shared<app_connection>(*this, std::move(socket), epoch);
    connections_.push_back(c);
    arm_sweep();
    c->start(std::move(x));
}

void app_client::on_answer(app_connection& c, app_answer answer, bool reusable) {
    auto x = c.take_exchange();
    heard_ = clock::now();
    if (reusable && !x->probe && c.epoch() == epoch_) {
        c.set_deadline(clock::now() + options_.idle);
        idle_.push_back(c.shared_from_this());
    } else {
        drop(c);
    }
    finish(std::move(x), std::move(answer));
}

void app_client::on_failure(app_connection& c, app_failure failure, const char* why) {
    auto x = c.take_exchange();
    const bool again = failure == app_failure::unreached && c.reused() && !x->resent;
    drop(c);
    if (again) {
        x->resent = true;
        ++resent_;
        launch_fresh(std::move(x));
        return;
    }
    if (options_.quiet) {
        finish(std::move(x), failed(failure));
        return;
    }
    log::limited(log::level::warn, "app", "request failed",
                 {{"reason", why}, {"url", options_.url}, {"id", x->request.id}, {"cure", cure_for(why)}});
    finish(std::move(x), failed(failure));
}

void app_client::on_idle_end(app_connection& c) {
    drop(c);
}

void app_client::drop(app_connection& c) {
    c.close();
    std::erase_if(idle_, [&](const connection_ptr& p) { return p.get() == &c; });
    const auto at =
        std::find_if(connections_.begin(), connections_.end(), [&](const connection_ptr& p) { return p.get() == &c; });
    if (at != connections_.end()) {
        // Pending operations and the caller's handler may hold the last reference: `c` stays valid in it.
        std::swap(*at, connections_.back());
        connections_.pop_back();
    }
}

void app_client::set_accepting(bool yes, std::string_view why) {
    heard_ = clock::now();
    if (yes == accepting_) {
        return;
    }
    accepting_ = yes;
    if (options_.quiet) {
        return;
    }
    if (yes) {
        log::info("app", "the app accepts connections again", {{"url", options_.url}});
    } else {
        log::warn("app", "the app accepts no connections",
                  {{"url", options_.url},
                   {"error", why},
                   {"cure", "connections stay, and events wait, until it does; app.url says where the app listens"}});
    }
}

void app_client::arm_sweep() {
    if (connections_.empty()) {
        return;
    }
    const bool at_rest = idle_.size() == connections_.size();
    if (sweeping_ && (at_rest || !slow_sweep_)) {
        return;
    }
    sweeping_ = true;
    slow_sweep_ = at_rest;
    sweep_due_ = clock::now() + sweep_period;
    if (at_rest) {  // nothing is due before the connection that has been idle longest
        sweep_due_ = std::max(sweep_due_, idle_.front()->deadline());
    }
    sweep_timer_.expires_at(sweep_due_);
    sweep_timer_.async_wait([self = self_](error_code ec) {
        if (!ec && *self) {
            (*self)->sweeping_ = false;
            (*self)->sweep();
        }
    });
}

void app_client::sweep() {
    const auto now = clock::now();
    const auto late = now - sweep_due_;
    const auto all = connections_;
    for (const auto& c : all) {
        if (late > standstill) {
            c->set_deadline(c->deadline() + late);
        }
        if (now < c->deadline()) {
            continue;
        }
        if (c->busy()) {
            on_failure(*c, app_failure::timeout, "timeout");
        } else {
            drop(*c);
        }
    }
    arm_sweep();
}

// ------------------------------------------------------------------------------------------------------ probe

void app_client::probe(std::function<void(bool)> done) {
    if (options_.health.empty()) {
        dial(loop_, where_, dial_timeout(), [done = std::move(done), self = self_](error_code ec, app_socket) {
            if (*self) {
                (*self)->set_accepting(!ec, ec ? ec.message() : std::string());
                done(!ec);
            }
        });
        return;
    }
    auto x = std::make_unique<app_exchange>();
    x->probe = true;
    x->request.target = options_.health;
    x->done = [done = std::move(done)](const app_answer& a) { done(a.failure == app_failure::none && a.status / 100 == 2); };
    launch_fresh(std::move(x));
}

void app_client::look() {
    if (looking_ || clock::now() - heard_ < 2s) {
        return;
    }
    looking_ = true;
    dial(loop_, where_, dial_timeout(), [self = self_](error_code ec, app_socket) {
        if (*self) {
            (*self)->looking_ = false;
            (*self)->set_accepting(!ec, ec ? ec.message() : std::string());
        }
    });
}

}  // namespace wsidecar::net
