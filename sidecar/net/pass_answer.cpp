// http_pass: the answer's way back, and what becomes of a 101.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "sidecar/core/log.hpp"
#include "sidecar/net/pass_exchange.hpp"

namespace wsidecar::net {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr asio::as_tuple_t<asio::use_awaitable_t<loop_executor>> token{};

/// Among the open tunnels for as long as the coroutine's frame lives, also when the loop throws it away.
class listed {
public:
    listed(std::unordered_set<net::tunnel*>& all, net::tunnel* t) : all_(all), tunnel_(t) { all_.insert(t); }
    listed(const listed&) = delete;
    listed& operator=(const listed&) = delete;
    ~listed() { all_.erase(tunnel_); }

private:
    std::unordered_set<net::tunnel*>& all_;
    net::tunnel* tunnel_;
};

}  // namespace

task<bool> http_pass::exchange::read_app() {
    const auto had = app_in_.size();
    app_in_.resize(had + io_size);
    auto reading = app_->async_read_some(asio::buffer(app_in_.data() + had, io_size), token);
    auto [ec, n] = co_await std::move(reading);
    app_in_.resize(had + n);
    any_byte_ = any_byte_ || n > 0;
    if (ec == asio::error::eof && answer_->got_some() && answer_->head_done() && answer_->need_eof()) {
        error_code ignored;
        answer_->put_eof(ignored);
        co_return true;
    }
    co_return !ec;
}

bool http_pass::exchange::take_answer(std::string& out) {
    for (;;) {
        error_code ec;
        app_in_.erase(0, answer_->feed(app_in_.data(), app_in_.size(), ec));
        if (ec || app_in_.size() > head_limit) {
            return false;
        }
        if (!answer_->head_done()) {
            return true;
        }
        if (answer_->status == 101) {
            switched_ = upgrade_;
            return switched_;
        }
        if (answer_->status >= 200) {
            break;
        }
        if (request_.version >= 11) {
            out.append("HTTP/1.1 ").append(std::to_string(answer_->status)).append(" ").append(answer_->reason);
            out.append("\r\n\r\n");
        }
        answer_.emplace(answer_reader::limits{head_limit, 0});
        answer_->skip(request_.method == "HEAD");
    }
    if (!head_sent_) {
        head_sent_ = true;
        app_deadline_ = never;
        framing_ = framing_for(request_, *answer_);
        // Before the whole request has been read the client's connection can't be used for another one.
        keep_client_ = keep_client_ && !uploading_ && framing_ != framing::until_close;
        out.append(answer_for_client(request_, *answer_, framing_, keep_client_));
        count(answer_->status);
    }
    append_framed(out, answer_->body, framing_ == framing::chunked);
    answer_->body.clear();
    if (answer_->done() && framing_ == framing::chunked) {
        out.append(last_chunk);
    }
    return true;
}

task<http_pass::exchange::outcome> http_pass::exchange::relay_answer() {
    for (;;) {
        std::string out;
        if (!take_answer(out)) {
            co_return outcome::failed;
        }
        if (!out.empty()) {
            client_deadline_ = pass_clock::now() + shared_->options.stall;
            const std::string_view bytes = out;
            const error_code ec = co_await client_.write_all(bytes);
            client_deadline_ = never;
            if (ec) {
                abort();
                co_return outcome::failed;
            }
        }
        if (switched_ || answer_->done()) {
            co_return outcome::done;
        }
        const bool more = co_await read_app();
        if (!more || client_gone_) {
            co_return any_byte_ ? outcome::failed : outcome::no_byte;
        }
    }
}

task<void> http_pass::exchange::open_tunnel(std::shared_ptr<exchange> self) {
    self->upgrade_ = true;
    self->keep_client_ = false;
    auto& result = self->shared_->metrics.tunnels;
    if (!self->read_head() || !self->request_.done()) {
        result.at({"refused"}) += 1;
        self->keep_client_ = false;
        co_await self->refuse(400, "This is no upgrade that can be passed on.", "");
    } else {
        self->keep_client_ = false;
        co_await self->forward();
        result.at({self->switched_ ? "open" : self->head_sent_ ? "refused" : "unreached"}) += 1;
    }
    if (self->client_gone_) {
        co_return;
    }
    if (!self->switched_) {
        co_await self->let_client_finish();
        co_return;
    }
    co_await self->tunnel_bytes();
}

task<void> http_pass::exchange::tunnel_bytes() {
    std::string first = answer_for_client(request_, *answer_, framing::none, true);
    first.append(app_in_);
    app_in_ = {};
    auto between = std::make_shared<net::tunnel>(std::move(client_), std::move(*app_));
    const auto common = shared_;
    common->active.erase(this);
    const listed here(common->tunnels, between.get());
    co_await net::tunnel::run(between, std::move(in_), std::move(first));
}

}  // namespace wsidecar::net
