// http_pass: the answer's way back, and what becomes of a 101.

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "proto/text/ascii.hpp"
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

bool switches_to_websocket(const answer_reader& answer) {
    std::size_t count = 0;
    bool only = true;
    for (const auto& [name, value] : answer.fields) {
        if (proto::iequals(name, "Upgrade")) {
            ++count;
            only = only && proto::iequals(value, "websocket");
        }
    }
    return count == 1 && only;
}

}  // namespace

task<bool> http_pass::exchange::read_app() {
    // Shared by all exchanges, so that a silent event stream holds no buffer.
    static thread_local std::array<char, io_size> bytes;
    if (++reads_ % reads_per_turn == 0) {
        auto turn = asio::post(shared_->loop.get_executor(), token);
        co_await std::move(turn);
        if (client_gone_) {
            co_return false;
        }
    }
    for (;;) {
        error_code ec;
        const std::size_t n = app_->read_some(asio::buffer(bytes), ec);
        if (ec == asio::error::would_block) {
            auto waiting = app_->async_wait(app_socket::wait_read, token);
            std::tie(ec) = co_await std::move(waiting);
            if (ec) {
                co_return false;
            }
            continue;
        }
        app_in_.append(bytes.data(), n);
        any_byte_ = any_byte_ || n > 0;
        if (ec == asio::error::eof && answer_->got_some() && answer_->head_done() && answer_->need_eof()) {
            answer_->put_eof(ec);
        }
        co_return !ec;
    }
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
            // Only to the protocol that was asked for: after a 101 for another one, the client would talk to the app unchecked.
            switched_ = upgrade_ && switches_to_websocket(*answer_);
            return switched_;
        }
        if (answer_->status >= 200) {
            break;
        }
        if (head_.version >= 11) {
            out.append(answer_for_client(head_, *answer_, framing::none, true));  // 103's Link headers are what it is for
        }
        answer_.emplace(answer_reader::limits{head_limit, 0});
        answer_->skip(head_.method == "HEAD");
    }
    if (!head_sent_) {
        head_sent_ = true;
        app_deadline_ = never;
        framing_ = framing_for(head_, *answer_);
        // Before the whole request has been read the client's connection can't be used for another one.
        keep_client_ = keep_client_ && !uploading_ && framing_ != framing::until_close;
        out.append(answer_for_client(head_, *answer_, framing_, keep_client_));
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
        if (app_in_.empty() && app_in_.capacity() > 1024) {
            app_in_ = std::string();
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
        co_await self->refuse(400, "This upgrade cannot be passed on.", "");
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
    const auto common = self->shared_;
    std::string to_app = std::move(self->in_);
    std::string to_client = answer_for_client(self->head_, *self->answer_, framing::none, true);
    to_client.append(self->app_in_);
    const auto counted = std::move(self->counted_);
    auto between = std::make_shared<net::tunnel>(std::move(self->client_), std::move(*self->app_));
    self.reset();  // heads and parsers are no use any more, and a tunnel may live for days
    const listed here(common->tunnels, between.get());
    co_await net::tunnel::run(between, std::move(to_app), std::move(to_client));
}

}  // namespace wsidecar::net
