#include "sidecar/net/server.hpp"

#include <algorithm>
#include <csignal>

#include "sidecar/core/log.hpp"
#include "sidecar/net/http_session.hpp"
#include "sidecar/net/listener.hpp"
#include "sidecar/net/session_shared.hpp"
#include "sidecar/net/sockjs_session.hpp"

namespace wsidecar::net {
using namespace std::chrono_literals;

namespace {

constexpr auto drain_tick = 50ms;
/// After the last close was sent: its own deadline, and a moment.
constexpr auto drain_grace = 6s;
/// Requests at the app are finished within app.timeout; a busy connection is closed this much later at the latest.
constexpr auto busy_grace = 1s;

/// What OpenSSL keeps for a connection that says nothing.
constexpr std::size_t bytes_of_tls = 16UL * 1024;

tls_context tls_of(const config::config& c) {
    if (c.listen.tls.cert.empty()) {
        return nullptr;
    }
    const config::tls_files& tls = c.listen.tls;
    return make_tls_context(tls.cert, tls.key, {tls.client_ca, tls.client_auth == "require"});
}

}  // namespace

server::server(boost::asio::io_context& loop, core::gateway& gateway, core::metrics& metrics, timers& clock,
               const config::config& config, core::gateway::find_route routes, passing pass)
    : loop_(loop),
      clock_(clock),
      metrics_(metrics),
      config_(config),
      sessions_(std::make_unique<session_shared>(loop, gateway, metrics, clock, config)),
      http_(std::make_shared<http_shared>(*sessions_, std::move(routes), std::move(pass))) {}

server::~server() {
    stop();
}

void server::start() {
    // OpenSSL writes with write(2): a client's going away must be an error, not a signal.
    std::signal(SIGPIPE, SIG_IGN);
    if (!http_->policy) {
        configure(config_);
    }
    listener_ = std::make_unique<listener>(
        loop_, clock_, [http = http_](tcp_socket s, auto peer) { http_session::start(http, std::move(s), peer); });
    reconfigured();
    listener_->rushed = [this] { return http_->pending.rushed(); };
    http_->pending.on_room = [this] { listener_->resume(); };
    listener_->out_of_descriptors = [this] {
        metrics_.handshakes[core::handshake_result::descriptors] += 1;
        metrics_.hit("max_connections");
    };
    listener_options options;
    options.secure = http_->tls != nullptr;
    options.address = config_.listen.address;
    options.send_buffer = static_cast<int>(config_.limits.sndbuf);
    listener_->start(options);
    const auto where = endpoint();
    core::log::info("listener", "listening for clients",
                    {{"address", where.address().to_string()}, {"port", where.port()}, {"tls", http_->tls != nullptr}});
}

boost::asio::ip::tcp::endpoint server::endpoint() const {
    return listener_->endpoint();
}

void server::configure(const config::config& generation) {
    auto tls = tls_of(generation);
    http_->policy = std::make_shared<const client_policy>(generation);
    http_->tls = std::move(tls);
    bound();
}

void server::reconfigured() {
    if (listener_) {
        listener_->pace(config_.accept_rate, [this] { metrics_.hit("accept_rate"); });
    }
}

void server::limit(bounds b) {
    bounds_ = b;
    http_->sockets = b.sockets;
    bound();
}

void server::bound() {
    const std::size_t most = http_->tls ? std::min(bounds_.pending, bounds_.pending_bytes / bytes_of_tls) : bounds_.pending;
    http_->pending.limit({most, bounds_.pending_bytes});
}

server::bounds server::limits() const {
    return {http_->pending.limits().count, http_->pending.limits().bytes, http_->sockets};
}

server::usage server::used() const {
    return {http_->pending.count(), http_->pending.bytes(), http_->pending.full(),
            http_->tunnels,         http_->sockjs.size(),   http_->sockjs.ended_bytes()};
}

std::size_t server::held_bytes() const {
    std::size_t sum = 0;
    for (const auto& s : sessions_->sessions) {
        sum += s.held_bytes();
    }
    return sum;
}

void server::refuse_upgrades(bool refuse) {
    http_->draining = refuse;
}

void server::shed(bool short_of_memory, std::size_t bytes) {
    http_->short_of_memory = short_of_memory;
    if (bytes == 0) {
        return;
    }
    // Largest first, whatever it is that is held: frames that wait, messages and frames begun, transactions, events.
    std::vector<std::pair<std::size_t, boost::intrusive_ptr<client_session>>> largest;
    for (auto& s : sessions_->sessions) {
        if (const std::size_t held = s.held_bytes(); held > 0) {
            largest.emplace_back(held, &s);
        }
    }
    std::sort(largest.begin(), largest.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::size_t gone = 0;
    if (http_->pending.bytes() > 0 && (largest.empty() || http_->pending.bytes() > largest.front().first)) {
        gone += http_->pending.shed(std::min(bytes, http_->pending.bytes() / 2 + 1));
        metrics_.hit("memory");
    }
    for (const auto& [held, session] : largest) {
        if (gone >= bytes) {
            break;
        }
        gone += held;
        metrics_.hit("memory");
        session->give_up(core::close_cause::slow);
    }
}

void server::drain(std::chrono::milliseconds period, std::function<void()> done) {
    drained_ = std::move(done);
    drain_end_ = clock_.now() + period;
    drain_step();
}

void server::drain_step() {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(drain_end_ - clock_.now());
    std::vector<boost::intrusive_ptr<client_session>> idle;
    std::vector<boost::intrusive_ptr<client_session>> busy;
    for (auto& s : sessions_->sessions) {
        if (s.open()) {
            (s.idle() ? idle : busy).emplace_back(&s);
        }
    }
    const std::size_t open = idle.size() + busy.size();
    metrics_.drain_remaining.value() = static_cast<double>(sessions());
    const auto patience = config_.app.timeout + busy_grace;
    if (sessions() + http_->opening == 0 || left < -patience - drain_grace) {
        drain_timer_.reset();
        if (const auto done = std::move(drained_)) {
            done();
        }
        return;
    }
    const auto steps = left.count() <= 0 ? 1 : static_cast<std::size_t>(left / drain_tick) + 1;
    std::size_t now = (open + steps - 1) / steps;
    if (left < -patience) {
        idle.insert(idle.end(), busy.begin(), busy.end());
    }
    for (const auto& s : idle) {
        if (now-- == 0) {
            break;
        }
        s->go_away(core::close_cause::drain);
    }
    drain_timer_ = clock_.after(drain_tick, [this] { drain_step(); });
}

void server::close_all() {
    std::vector<boost::intrusive_ptr<client_session>> all;
    for (auto& s : sessions_->sessions) {
        all.emplace_back(&s);
    }
    for (const auto& s : all) {
        s->go_away(core::close_cause::drain);
    }
}

std::size_t server::sessions() const {
    return sessions_->open;
}

void server::stop() {
    if (listener_) {
        listener_->stop();
    }
    drain_timer_.reset();
    http_->pending.on_room = [] {};
    http_->stopped = true;
    while (!sessions_->sessions.empty()) {
        sessions_->sessions.front().kill();
    }
    // What is left: sessions that have ended, or have not begun.
    http_->sockjs.kill_all();
}

}  // namespace wsidecar::net
