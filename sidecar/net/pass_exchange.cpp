#include "sidecar/net/pass_exchange.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "proto/http/forwarded.hpp"
#include "sidecar/core/log.hpp"

namespace wsidecar::net {

namespace asio = boost::asio;
namespace log = core::log;
using namespace std::chrono_literals;
using boost::system::error_code;

namespace {

constexpr asio::as_tuple_t<asio::use_awaitable_t<loop_executor>> token{};

}  // namespace

http_pass::exchange::exchange(std::shared_ptr<shared> s, handover h)
    : shared_(std::move(s)),
      counted_(std::move(h.place)),
      client_(std::move(h.peer)),
      in_(std::move(h.received)),
      head_size_(h.head_size),
      address_(std::move(h.address)),
      request_(request_reader::limits{head_limit, 0}),
      place_came_(shared_->loop),
      upload_ended_(shared_->loop) {
    place_came_.expires_at(never);
    upload_ended_.expires_at(never);
    shared_->active.insert(this);
    shared_->arm_sweep();
}

http_pass::exchange::~exchange() {
    shared_->active.erase(this);
    if (waiting_) {
        shared_->wait_no_more(*this);
    }
    shared_->give_back(place_);
}

void http_pass::exchange::placed(address_count::slot place) {
    waiting_ = false;
    queued_.reset();
    place_ = std::move(place);
    place_came_.cancel();
}

/// Waits for a place. Returns false if that took too long, too many requests wait already, or the client has gone.
task<bool> http_pass::exchange::take_place() {
    client_address_ = proto::client_address(head_, address_, shared_->trusted);
    if (shared_->place_for(client_address_)) {
        place_ = shared_->take_place(client_address_);
        co_return true;
    }
    shared_->metrics.hit("too_many_passed");
    if (!shared_->may_wait(client_address_)) {
        co_return false;
    }
    queued_ = shared_->wait_for_place(*this, client_address_);
    waiting_ = true;
    place_deadline_ = pass_clock::now() + shared_->options.timeout;
    while (waiting_ && !client_gone_ && pass_clock::now() < place_deadline_) {
        auto coming = place_came_.async_wait(token);
        co_await std::move(coming);
    }
    place_deadline_ = never;
    if (std::exchange(waiting_, false)) {
        shared_->wait_no_more(*this);
        queued_.reset();
    }
    co_return place_ != nullptr && !client_gone_;
}

void http_pass::exchange::abort() {
    client_gone_ = true;
    place_came_.cancel();
    client_.close();
    close_app();
}

void http_pass::exchange::close_app() {
    if (app_) {
        error_code ignored;
        app_->close(ignored);
    }
}

void http_pass::exchange::check(pass_clock::time_point now, bool look_at_client) {
    if (client_gone_) {
        return;
    }
    if (now >= place_deadline_) {
        place_came_.cancel();
    } else if (now >= client_deadline_ || now >= body_deadline_ ||
               (look_at_client && !uploading_ && !switched_ && client_.peer_gone())) {
        abort();
    } else if (now >= app_deadline_ || now >= upload_deadline_) {
        timed_out_ = true;
        close_app();
    }
}

void http_pass::exchange::count(unsigned status) {
    shared_->metrics.http_requests.at({core::status_label(status)}) += 1;
}

// ------------------------------------------------------------------------------------------------- the request

bool http_pass::exchange::read_head() {
    raw_head_ = in_.substr(0, head_size_);
    in_.erase(0, head_size_);
    proto::head_scan scan = proto::scan_head(raw_head_, {head_limit, head_limit});
    if (scan.what != proto::head_scan::state::complete) {
        return false;
    }
    head_ = std::move(scan.head);
    const std::string told = framing_head(head_);
    error_code ec;
    request_.feed(told.data(), told.size(), ec);
    if (ec || !request_.head_done()) {
        return false;
    }
    keep_client_ = request_.keep_alive();
    return head_.target.starts_with('/');
}

const char* http_pass::exchange::refusal(bool read_only) const {
    const std::string_view m = head_.method;
    if (m == "CONNECT" || m == "TRACE") {
        return "This method is not passed on to the app.";
    }
    if (read_only && m != "GET" && m != "HEAD" && m != "OPTIONS") {
        return "This path takes WebSockets: other requests to it may only be GET, HEAD and OPTIONS.";
    }
    // Some frameworks take these for the method.
    for (const auto name : {"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"}) {
        if (read_only && head_.find(name)) {
            return "This path takes WebSockets: no request to it may name another method in a header.";
        }
    }
    return nullptr;
}

bool http_pass::exchange::may_replay() const {
    const std::string_view m = head_.method;
    return !upgrade_ && request_.done() && (m == "GET" || m == "HEAD" || m == "OPTIONS" || m == "DELETE");
}

task<void> http_pass::exchange::pass(std::shared_ptr<exchange> self, bool read_only, again_function again) {
    if (!self->read_head()) {
        self->keep_client_ = false;
        co_await self->refuse(400, "This request cannot be passed on.", "");
    } else if (const char* why = self->refusal(read_only)) {
        self->keep_client_ = self->keep_client_ && self->request_.done();
        co_await self->refuse(405, why, "Allow: GET, HEAD, OPTIONS\r\n");
    } else {
        const bool placed = co_await self->take_place();
        if (placed) {
            co_await self->forward();
        } else if (!self->client_gone_) {
            self->keep_client_ = self->keep_client_ && self->request_.done();
            co_await self->refuse(503, "Too many requests at once.", "Retry-After: 2\r\n");
        }
    }
    if (self->client_gone_) {
        co_return;
    }
    self->shared_->give_back(self->place_);
    if (!self->keep_client_) {
        co_await self->let_client_finish();
        co_return;
    }
    self->shared_->active.erase(self.get());
    // Posted: the next request may be here already, and it must not run on this one's stack.
    asio::post(self->shared_->loop,
               [self, again = std::move(again)] { again(std::move(self->client_), std::move(self->in_)); });
}

task<error_code> http_pass::exchange::connect(bool kept_allowed) {
    app_.reset();
    if (kept_allowed) {
        app_ = shared_->take();
    }
    kept_ = app_.has_value();
    if (!kept_) {
        const auto most = std::min<std::chrono::milliseconds>(shared_->options.timeout, 2s);
        auto dialling = async_dial(shared_->loop, shared_->where, most, token);
        auto [ec, socket] = co_await std::move(dialling);
        if (ec) {
            co_return ec;
        }
        app_.emplace(std::move(socket));
    }
    app_in_.clear();
    any_byte_ = false;
    answer_.emplace(answer_reader::limits{head_limit, 0});
    answer_->skip(head_.method == "HEAD");
    const std::string head = head_for_app();
    app_deadline_ = pass_clock::now() + shared_->options.timeout;
    auto writing = asio::async_write(*app_, asio::buffer(head), token);
    // A write that fails may still be followed by an answer, and a kept connection's end is seen by the read.
    co_await std::move(writing);
    co_return error_code();
}

std::string http_pass::exchange::head_for_app() const {
    const std::string forwarded = proto::forwarded_lines(head_, {address_, client_.secure()}, shared_->trusted) +
                                  client_cert_line(client_.client_subject());
    return request_for_app(head_, request_, {shared_->where.base, shared_->options.host, forwarded, upgrade_});
}

task<void> http_pass::exchange::forward() {
    const bool replay = may_replay();
    outcome result = outcome::no_byte;
    do {
        const bool again = kept_;
        const error_code ec = co_await connect(replay && !again);
        if (client_gone_) {
            co_return;
        }
        if (ec) {
            log::limited(log::level::warn, "http", "the app is not reachable",
                         {{"app.url", shared_->options.url}, {"error", ec.message()}});
            keep_client_ = keep_client_ && request_.done();
            co_await refuse(502, "The app is not reachable.", "Retry-After: 2\r\n");
            co_return;
        }
        if (!request_.done()) {
            uploading_ = true;
            app_deadline_ = never;
            asio::co_spawn(shared_->loop.get_executor(), upload(shared_from_this()), asio::detached);
        }
        result = co_await relay_answer();
    } while (result == outcome::no_byte && kept_ && !client_gone_ && !timed_out_);

    app_deadline_ = client_deadline_ = never;
    draining_ = uploading_;
    if (switched_) {
        co_return;
    }
    const bool whole = result == outcome::done && !uploading_ && !upload_failed_;
    if (whole && app_in_.empty() && answer_->done() && answer_->keep_alive()) {
        shared_->keep(std::move(*app_));
    } else if (result != outcome::done && !client_gone_) {
        co_await answer_failure();
    }
    close_app();  // closed, not gone: a write to it may be pending
    keep_client_ = keep_client_ && !uploading_;
}

task<void> http_pass::exchange::answer_failure() {
    if (head_sent_) {
        abort();  // an answer cut short must not look whole
        co_return;
    }
    keep_client_ = keep_client_ && request_.done() && !uploading_;
    if (bad_body_) {
        keep_client_ = false;
        co_await refuse(400, "The body of this request is malformed.", "");
    } else if (timed_out_) {
        co_await refuse(504, "The app did not answer in time.", "Retry-After: 2\r\n");
    } else {
        co_await refuse(502, "The app closed the connection or sent no HTTP.", "Retry-After: 2\r\n");
    }
}

task<void> http_pass::exchange::refuse(unsigned status, std::string_view text, std::string_view extra) {
    count(status);
    const std::string out = own_answer(status, text, extra, keep_client_);
    client_deadline_ = pass_clock::now() + shared_->options.stall;
    const std::string_view bytes = out;
    const error_code ec = co_await client_.write_all(bytes);
    client_deadline_ = never;
    if (ec) {
        abort();
    }
}

// ---------------------------------------------------------------------------------------- the request's body

task<void> http_pass::exchange::upload(std::shared_ptr<exchange> self) {
    co_await self->send_body();
    self->body_deadline_ = never;
    self->uploading_ = false;
    if (!self->head_sent_ && !self->draining_) {
        self->app_deadline_ = pass_clock::now() + self->shared_->options.timeout;
    }
    self->upload_ended_.cancel();
}

task<void> http_pass::exchange::send_body() {
    std::string buffer(io_size, '\0');
    unsigned reads = 0;
    while (!client_gone_) {
        error_code ec;
        in_.erase(0, request_.feed(in_.data(), in_.size(), ec));
        if (ec || in_.size() > head_limit) {
            bad_body_ = upload_failed_ = true;
            close_app();
            co_return;
        }
        std::string out;
        append_framed(out, request_.body, request_.chunked());
        request_.body.clear();
        if (request_.done() && request_.chunked()) {
            out.append(last_chunk);
        }
        if (!out.empty() && !upload_failed_ && !draining_) {
            upload_deadline_ = pass_clock::now() + shared_->options.timeout;
            auto writing = asio::async_write(*app_, asio::buffer(out), token);
            const auto begun = pass_clock::now();
            auto [failed, n] = co_await std::move(writing);
            upload_deadline_ = never;
            if (body_deadline_ != never) {
                body_deadline_ += pass_clock::now() - begun;  // the app's time is not the client's
            }
            upload_failed_ = static_cast<bool>(failed);
        }
        if (request_.done()) {
            co_return;
        }
        if (++reads % reads_per_turn == 0) {
            auto turn = asio::post(shared_->loop.get_executor(), token);
            co_await std::move(turn);
        }
        if (!draining_ && (body_deadline_ == never || body_progress_ >= body_step)) {
            body_deadline_ = pass_clock::now() + shared_->options.stall;
            body_progress_ = 0;
        }
        if (client_gone_) {
            co_return;
        }
        const io_result r = co_await client_.read_some(buffer.data(), buffer.size());
        if (r.ec) {
            abort();
            co_return;
        }
        in_.append(buffer, 0, r.n);
        body_progress_ += r.n;
    }
}

task<void> http_pass::exchange::let_client_finish() {
    // Closing with unread bytes would reset the connection and could take the answer with it (RFC 9112 9.6).
    client_.shutdown_send();
    if (!request_.done() && !bad_body_ && request_.head_done()) {
        draining_ = true;
        if (!uploading_) {
            uploading_ = true;
            asio::co_spawn(shared_->loop.get_executor(), upload(shared_from_this()), asio::detached);
        }
        body_deadline_ = pass_clock::now() + 2s;
    }
    while (uploading_) {
        auto ended = upload_ended_.async_wait(token);
        co_await std::move(ended);
    }
    client_.close();
}

}  // namespace wsidecar::net
