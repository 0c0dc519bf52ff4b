// The input and output of http_session. http_decide.cpp decides about requests.

#include "sidecar/net/http_session.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>

#include "proto/http/proxy_protocol.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/net/http_answer.hpp"

namespace wsidecar::net {
namespace asio = boost::asio;
using boost::system::error_code;
using namespace std::chrono_literals;

namespace {

/// The most bytes that a client may send after its upgrade request and before the 101.
constexpr std::size_t early_at_most = 16 * 1024;
constexpr std::size_t read_size = 4096;
constexpr auto keep_alive = 60s;
constexpr auto answer_deadline = 10s;
constexpr auto lingering = 2s;

}  // namespace

http_session::http_session(std::shared_ptr<http_shared> shared, transport peer, std::string address)
    : shared_(std::move(shared)), peer_(std::move(peer)), address_(std::move(address)) {}

http_session::~http_session() {
    leave_pending();  // while shared_ still keeps them
}

void http_session::enter_pending(bool idle) {
    shared_->pending.enter(*this, shared_->newcomer(address_, idle));
}

void http_session::start(std::shared_ptr<http_shared> shared, tcp_socket socket, const asio::ip::tcp::endpoint& peer) {
    auto ip = peer.address();
    if (ip.is_v6() && ip.to_v6().is_v4_mapped()) {
        ip = asio::ip::make_address_v4(asio::ip::v4_mapped, ip.to_v6());
    }
    const bool secure = shared->tls != nullptr;
    transport t = secure ? transport(std::move(socket), shared->tls) : transport(std::move(socket));
    const bool proxied = shared->sessions.config->listen.proxy_protocol;
    const ref self(new http_session(std::move(shared), std::move(t), ip.to_string()));
    self->enter_pending(false);
    self->arm_for_head();
    if (proxied) {
        self->stage_ = stage::proxy;
        self->read_proxy_header();
    } else {
        self->begin();
    }
}

void http_session::begin() {
    if (peer_.secure()) {
        stage_ = stage::tls;
        run_tls();
    } else {
        stage_ = stage::head;
        read_head();
    }
}

/// Reads the PROXY header, which comes before TLS, from the socket itself and without reading further bytes.
void http_session::read_proxy_header() {
    std::array<char, 256> next;
    for (;;) {
        const auto seen = ::recv(peer_.fd(), next.data(), next.size(), MSG_PEEK);
        if (seen < 0 && errno == EINTR) {
            continue;
        }
        if (seen < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            wait_readable();
            return;
        }
        if (seen <= 0) {
            if (!received_.empty()) {
                metrics().handshakes[core::handshake_result::cut] += 1;
            }
            end();
            return;
        }
        const auto part = proto::proxy_header_part(received_, {next.data(), static_cast<std::size_t>(seen)});
        const auto taken = ::recv(peer_.fd(), next.data(), part, 0);
        received_.append(next.data(), static_cast<std::size_t>(std::max<ssize_t>(taken, 0)));
        auto header = proto::read_proxy_header(received_);
        if (header.what == proto::proxy_header::state::incomplete) {
            continue;
        }
        received_.clear();
        if (header.what == proto::proxy_header::state::problem) {
            metrics().handshakes[core::handshake_result::proxy_header] += 1;
            core::log::limited(
                core::log::level::warn, "handshake",
                "a connection without a valid PROXY protocol header was closed: the balancer in front must send one, "
                "or listen.proxy_protocol must be off",
                {{"peer", address_}, {"why", header.why}});
            end();
            return;
        }
        if (!header.address.empty()) {
            address_ = std::move(header.address);
            leave_pending();  // it counts for the client, and not for the balancer
            enter_pending(false);
        }
        begin();
        return;
    }
}

void http_session::next_request(std::shared_ptr<http_shared> shared, transport peer, std::string address,
                                std::string received) {
    if (shared->stopped || !peer.is_open()) {
        return;
    }
    const ref self(new http_session(std::move(shared), std::move(peer), std::move(address)));
    self->first_ = false;
    self->received_ = std::move(received);
    self->enter_pending(self->received_.empty());
    self->shared_->pending.holds(*self, self->received_.size());
    if (self->received_.empty()) {
        self->shared_->sessions.clock.arm(*self, keep_alive);
        self->wait_readable();
    } else {
        self->arm_for_head();
        self->look_at_head();
    }
}

void http_session::let_go(std::shared_ptr<http_shared> shared, transport peer, std::string address) {
    const ref self(new http_session(std::move(shared), std::move(peer), std::move(address)));
    self->enter_pending(true);
    self->end_output();
}

void http_session::arm_for_head() {
    began_ = shared_->sessions.clock.milliseconds();
    shared_->sessions.clock.arm(*this, shared_->policy->handshake_limit());
}

void http_session::run_tls() {
    const error_code ec = peer_.handshake();
    if (ec == asio::error::would_block) {
        wait_readable();
    } else if (ec) {
        const bool certificate = ec == asio::error::access_denied;
        metrics().handshakes[certificate ? core::handshake_result::client_cert : core::handshake_result::tls] += 1;
        if (certificate) {
            core::log::limited(core::log::level::warn, "handshake",
                               "a client's certificate was rejected: see listen.tls.client_ca",
                               {{"reason", peer_.client_certificate_problem()}, {"address", address_}});
        }
        end();
    } else {
        stage_ = stage::head;
        read_head();
    }
}

void http_session::wait_readable() {
    peer_.wait_readable([self = ref(this)](error_code ec) {
        if (!ec) {
            self->on_readable();
        }
    });
}

void http_session::on_readable() {
    switch (stage_) {
        case stage::proxy: read_proxy_header(); return;
        case stage::tls: run_tls(); return;
        case stage::head: read_head(); return;
        case stage::waiting: watch_client(); return;
        case stage::lingering: linger(); return;
        case stage::answering:
        case stage::over: return;
    }
}

void http_session::read_head() {
    const ref keep(this);
    char* const scratch = shared_->sessions.scratch.data();
    const io_result r = peer_.read_now(scratch, read_size);
    if (r.ec == asio::error::would_block) {
        wait_readable();
        return;
    }
    if (r.ec) {
        // A connection without input is a probe or a browser's spare connection, so it is not counted.
        if (!received_.empty()) {
            metrics().handshakes[core::handshake_result::cut] += 1;
        }
        end();
        return;
    }
    if (!first_ && received_.empty()) {
        arm_for_head();
        shared_->pending.begins(*this);
    }
    received_.append(scratch, r.n);
    shared_->pending.holds(*this, received_.capacity());
    look_at_head();
}

void http_session::watch_client() {
    char* const scratch = shared_->sessions.scratch.data();
    const io_result r = peer_.read_now(scratch, read_size);
    if (!r.ec && received_.size() + r.n <= early_at_most) {
        received_.append(scratch, r.n);
        wait_readable();
    } else if (r.ec == asio::error::would_block) {
        wait_readable();
    } else {
        // Gone, or it does not wait for the 101, which no client does.
        metrics().handshakes[core::handshake_result::abandoned] += 1;
        --shared_->opening;
        shared_->sessions.gateway.abandon(*conn_);
        end();
    }
}

void http_session::answer(std::string bytes) {
    out_ = std::move(bytes);
    stage_ = stage::answering;
    enter_pending(false);
    shared_->sessions.clock.arm(*this, answer_deadline);
    write_out();
}

void http_session::write_out() {
    const ref keep(this);
    iovec part{out_.data() + written_, out_.size() - written_};
    const io_result r = peer_.write_now(&part, 1);
    written_ += r.n;
    if (r.ec == asio::error::would_block) {
        peer_.wait_writable([self = ref(this)](error_code ec) {
            if (!ec && self->stage_ == stage::answering) {  // the deadline may have come in the same turn
                self->write_out();
            }
        });
        return;
    }
    if (upgraded_) {
        // Also when the 101 could not be written: the session finds out and tells the gateway.
        become_session();
    } else if (r.ec) {
        end();
    } else {
        end_output();
    }
}

void http_session::end_output() {
    peer_.shutdown_send();
    stage_ = stage::lingering;
    // It counts as idle, because it has its answer and nothing is lost when it is closed.
    leave_pending();
    enter_pending(true);
    shared_->sessions.clock.arm(*this, lingering);
    linger();
}

void http_session::linger() {
    // What is unread when a socket is closed makes the kernel send a RST, which may overtake our answer.
    char* const scratch = shared_->sessions.scratch.data();
    for (int i = 0; i < 16; ++i) {
        const io_result r = peer_.read_now(scratch, read_size);
        if (r.ec == asio::error::would_block) {
            wait_readable();
            return;
        }
        if (r.ec) {
            break;
        }
    }
    end();
}

void http_session::end() {
    stage_ = stage::over;
    leave_pending();
    disarm();
    peer_.close();
}

void http_session::give_way() {
    asio::post(shared_->sessions.loop, [self = ref(this)] { self->make_way(); });
}

/// Another one needs its place.
void http_session::make_way() {
    if (stage_ == stage::over || stage_ == stage::waiting || pending()) {
        return;  // it has got on since
    }
    if (upgraded_ && stage_ == stage::answering) {
        become_session();
        return;
    }
    if (stage_ == stage::head && !received_.empty()) {
        metrics().handshakes[core::handshake_result::too_many_pending] += 1;
        std::string text = http_answer(503, come_back(), proto::refusal_lines(503), "too many connections without a request\n");
        iovec part{text.data(), text.size()};
        peer_.write_now(&part, 1);
        peer_.shutdown_send();
    }
    end();
}

void http_session::on_timer() {
    const ref keep(this);
    switch (stage_) {
        case stage::over: return;
        case stage::waiting:
            shared_->sessions.gateway.abandon(*conn_);
            on_verdict(late_verdict());
            return;
        case stage::proxy:
        case stage::tls:
            metrics().handshakes[core::handshake_result::timeout] += 1;
            metrics().hit("timeout");
            break;
        case stage::head:
            if (!received_.empty()) {
                metrics().handshakes[core::handshake_result::timeout] += 1;
                metrics().hit("timeout");
                send_answer(408, "the request did not come in time", {});
                return;
            }
            break;
        case stage::answering:
            if (upgraded_) {
                become_session();
                return;
            }
            break;
        case stage::lingering: break;
    }
    end();
}

}  // namespace wsidecar::net
