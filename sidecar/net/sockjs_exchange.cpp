// The input and output of sockjs_exchange. sockjs_answers.cpp decides about requests.

#include "sidecar/net/sockjs_exchange.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/error.hpp>
#include <utility>

#include "proto/http/forwarded.hpp"
#include "proto/http/header_filter.hpp"
#include "proto/sockjs/sockjs.hpp"
#include "sidecar/net/http_answer.hpp"
#include "sidecar/net/sockjs_session.hpp"

namespace wsidecar::net {
namespace asio = boost::asio;
using boost::system::error_code;
using proto::sockjs::place;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t read_size = 4096;
/// Bytes of the next request that a client may send before it has the answer.
constexpr std::size_t early_at_most = 16UL * 1024;
constexpr auto answer_deadline = 10s;

sockjs_response::form form_of(place p) {
    return p == place::xhr           ? sockjs_response::form::polling
           : p == place::eventsource ? sockjs_response::form::events
                                     : sockjs_response::form::streaming;
}

}  // namespace

sockjs_exchange::sockjs_exchange(std::shared_ptr<http_shared> shared, handover client, core::gateway::route_match match,
                                 give_back done)
    : shared_(std::move(shared)),
      peer_(std::move(client.peer)),
      address_(std::move(client.address)),
      received_head_(client.received, 0, client.head_size),
      received_(std::move(client.received)),
      match_(std::move(match)),
      done_(std::move(done)),
      response_(form_of(match_.place), true) {
    // Both were looked at before; what they gave were views into bytes that have moved.
    if (received_.starts_with("\r\n")) {
        received_.erase(0, 2);  // an empty line before the request (RFC 9112 section 2.2) is nothing to the reader
    }
    head_ = proto::scan_head(received_head_, shared_->policy->head_limits()).head;
    path_ = *proto::check_path(head_.target);
    response_ = sockjs_response(form_of(match_.place), head_.version == 11);
    enter_pending();
    client_address_ = proto::client_address(head_, address_, shared_->policy->trusted());
    cookie_ = proto::cookie_of(head_);
    keep_ = head_.version == 11 ? !head_.has_token("Connection", "close") : head_.has_token("Connection", "keep-alive");
}

sockjs_exchange::~sockjs_exchange() {
    leave_pending();  // while shared_ still keeps them
}

void sockjs_exchange::start(std::shared_ptr<http_shared> shared, handover client, core::gateway::route_match match,
                            give_back done) {
    const ref self(new sockjs_exchange(std::move(shared), std::move(client), std::move(match), std::move(done)));
    request_reader::limits most;
    most.body = self->body_limit();
    self->reader_ = std::make_unique<request_reader>(most);
    self->shared_->sessions.clock.arm(*self, self->match_.route->limits.handshake);
    self->feed();
}

// ------------------------------------------------------------------------------------------------- the body

void sockjs_exchange::feed() {
    error_code ec;
    const std::size_t used = reader_->feed(received_.data(), received_.size(), ec);
    received_.erase(0, used);
    if (ec) {
        keep_ = false;
        ec == boost::beast::http::error::body_limit ? too_long() : answer_text(400, "this is not HTTP/1.1");
    } else if (reader_->done()) {
        body_ = std::move(reader_->body);
        reader_.reset();
        place_.reset();
        disarm();
        decide();
    } else {
        if (head_.has_token("Expect", "100-continue") && reader_->body.empty() && !std::exchange(told_to_go_on_, true)) {
            std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
            iovec part{go_on.data(), go_on.size()};
            peer_.write_now(&part, 1);  // the first bytes to this client: there is room
        }
        wait_readable();
    }
}

void sockjs_exchange::read_body() {
    if (read_more()) {
        feed();
    }
}

/// Returns false if nothing has arrived (it then waits for more) or the client has gone (which the session has been told).
bool sockjs_exchange::read_more() {
    char* const scratch = shared_->sessions.scratch.data();
    const io_result r = peer_.read_now(scratch, read_size);
    if (r.ec == asio::error::would_block) {
        wait_readable();
    } else if (r.ec) {
        lost();
    } else {
        received_.append(scratch, r.n);
        shared_->pending.holds(*this, received_.capacity() + (reader_ ? reader_->body.capacity() : 0));
    }
    return !r.ec;
}

// ------------------------------------------------------------------------------------------------ waiting

void sockjs_exchange::wait_readable() {
    if (reading_) {
        return;
    }
    reading_ = true;
    peer_.wait_readable([self = ref(this)](error_code ec) {
        self->reading_ = false;
        if (ec || self->stage_ == stage::over) {
            return;
        }
        self->stage_ == stage::body ? self->read_body() : self->watch_client();
    });
}

/// Watches a waiting client, from which only the end of the connection is expected.
void sockjs_exchange::watch_client() {
    if (read_more() && received_.size() <= early_at_most) {
        wait_readable();
    }
}

void sockjs_exchange::lost() {
    const ref keep(this);
    cut();
    if (const auto session = std::move(session_)) {
        session->left(*this);
    }
}

void sockjs_exchange::cut() {
    stage_ = stage::over;
    leave_pending();
    disarm();
    place_.reset();
    peer_.close();
}

/// As long as it is not its session's it is one of many that anybody can have.
void sockjs_exchange::enter_pending() {
    shared_->pending.enter(*this, shared_->newcomer(address_, false));
}

void sockjs_exchange::give_way() {
    asio::post(shared_->sessions.loop, [self = ref(this)] {
        if (self->stage_ != stage::over && self->stage_ != stage::waiting && !self->pending()) {
            self->lost();
        }
    });
}

void sockjs_exchange::on_timer() {
    lost();
}

// ------------------------------------------------------------------------------------------------ answering

void sockjs_exchange::put(std::string_view frame) {
    if (response_.empty()) {
        std::string lines = cors_lines() + std::string(sockjs_response::no_store);
        for (const auto& [name, value] : headers_) {
            lines += header_line(name, value);
        }
        response_.lines(std::move(lines));
    }
    response_.put(out_, frame, keep_);
}

void sockjs_exchange::send(bool last) {
    last_ = last;
    response_.end_part(out_, last, keep_);
    if (last) {
        shared_->sessions.metrics.http_requests.at({"200"}) += 1;
    }
    write_out();
}

void sockjs_exchange::only(std::string_view frame) {
    session_.reset();
    enter_pending();
    shared_->sessions.clock.arm(*this, answer_deadline);
    put(frame);
    send(true);
}

void sockjs_exchange::answer(unsigned status, std::string_view lines, std::string_view body) {
    session_.reset();
    enter_pending();
    shared_->sessions.metrics.http_requests.at({core::status_label(status)}) += 1;
    shared_->sessions.clock.arm(*this, answer_deadline);
    const std::string all = std::string(lines) + (keep_ ? "Connection: keep-alive\r\n" : "Connection: close\r\n");
    out_ = http_answer(status, headers_, all, body, head_.method == "HEAD");
    last_ = true;
    write_out();
}

void sockjs_exchange::write_out() {
    const ref keep(this);
    stage_ = stage::answering;
    writing_ = true;
    iovec part{out_.data() + out_at_, out_.size() - out_at_};
    const io_result r = peer_.write_now(&part, 1);
    out_at_ += r.n;
    if (r.ec == asio::error::would_block) {
        peer_.wait_writable([self = ref(this)](error_code ec) {
            if (!ec && self->stage_ != stage::over) {
                self->write_out();
            }
        });
        return;
    }
    if (r.ec) {
        lost();
        return;
    }
    writing_ = false;
    out_.clear();
    out_at_ = 0;
    const auto session = last_ ? std::move(session_) : session_;
    if (session) {
        session->written(last_);
    }
    if (last_) {
        finish();
    }
}

void sockjs_exchange::finish() {
    if (stage_ == stage::over) {
        return;
    }
    stage_ = stage::over;
    leave_pending();
    disarm();
    error_code ignored;
    peer_.socket().cancel(ignored);  // what still waits here would read the next request
    const auto done = std::move(done_);
    done(std::move(peer_), std::move(received_), keep_ && !shared_->stopped);
}

}  // namespace wsidecar::net
