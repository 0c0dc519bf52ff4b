#include "sidecar/net/app_connection.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <charconv>

#include "proto/http/content_coding.hpp"
#include "proto/text/ascii.hpp"
#include "sidecar/net/app_client.hpp"

namespace wsidecar::net {

namespace asio = boost::asio;
using boost::system::error_code;
using core::app_failure;

namespace {

constexpr std::size_t first_buffer = 4 * 1024;

/// Undoes gzip and deflate, which some apps use unasked. What is coded otherwise, or wrongly, stays as it is, Content-Encoding
/// included. False: larger than `most`.
bool decode_content(core::field_list& fields, std::string& body, std::size_t most) {
    const auto coded =
        std::find_if(fields.begin(), fields.end(), [](const auto& f) { return proto::iequals(f.first, "Content-Encoding"); });
    if (coded == fields.end() || body.empty()) {
        return true;
    }
    auto plain = proto::decode_content(coded->second, body, most);
    if (!plain) {
        return std::string_view(plain.error().reason) != "too_big";
    }
    body = std::move(*plain);
    fields.erase(coded);
    return true;
}

}  // namespace

app_connection::app_connection(app_client& client, app_socket socket, unsigned epoch)
    : client_(&client), socket_(std::move(socket)), buffer_(first_buffer), epoch_(epoch) {}

void app_connection::start(std::unique_ptr<app_exchange> x) {
    exchange_ = std::move(x);
    ++requests_;
    any_byte_ = false;
    written_ = 0;
    reader_.emplace(answer_reader::limits{client_->options_.max_answer_head, client_->options_.max_answer});
    deadline_ = clock::now() + time_allowed();
    build_head();
    write();
    arm_read();
}

void app_connection::close() {
    client_ = nullptr;
    error_code ignored;
    socket_.close(ignored);
}

std::chrono::milliseconds app_connection::time_allowed() const {
    return exchange_->probe ? client_->dial_timeout() : client_->options_.timeout;
}

void app_connection::build_head() {
    const core::app_request& r = exchange_->request;
    const app_endpoint& where = client_->where_;
    head_.clear();
    head_.append(exchange_->probe ? "GET " : "POST ");
    head_.append(where.base).append(r.target).append(" HTTP/1.1\r\nHost: ");
    head_.append(r.host.empty() ? where.authority : r.host).append("\r\n").append(r.headers);
    if (exchange_->probe) {
        head_.append("Connection: close\r\n\r\n");
        return;
    }
    client_->sign(r, head_);
    std::array<char, 24> digits;
    const auto [end, ec] = std::to_chars(digits.begin(), digits.end(), r.body.size());
    head_.append("Content-Length: ").append(digits.data(), end).append("\r\n\r\n");
}

void app_connection::write() {
    const std::string& body = exchange_->request.body;
    while (written_ < request_size()) {
        std::array<asio::const_buffer, 2> parts;
        if (written_ < head_.size()) {
            parts = {asio::buffer(head_) + written_, asio::buffer(body)};
        } else {
            parts = {asio::buffer(body) + (written_ - head_.size()), asio::const_buffer()};
        }
        error_code ec;
        written_ += socket_.write_some(parts, ec);
        if (ec == asio::error::would_block || ec == asio::error::try_again) {
            socket_.async_wait(app_socket::wait_write, [self = shared_from_this()](error_code failed) {
                // An answer before the request is completely written closes the connection, so no other answer can be here.
                if (!failed && self->client_) {
                    self->write();
                }
            });
            return;
        }
        if (ec) {
            return;  // the read tells what became of the connection: there may even be an answer
        }
    }
    deadline_ = clock::now() + time_allowed();
}

void app_connection::make_room() {
    if (begin_ == end_) {
        begin_ = end_ = 0;
    } else if (begin_ > 0) {
        std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_), buffer_.begin() + static_cast<std::ptrdiff_t>(end_),
                  buffer_.begin());
        end_ -= begin_;
        begin_ = 0;
    }
    if (end_ == buffer_.size()) {
        buffer_.resize(buffer_.size() * 2);
    }
}

void app_connection::arm_read() {
    if (reading_ || !client_) {
        return;
    }
    make_room();
    reading_ = true;
    socket_.async_read_some(asio::buffer(buffer_.data() + end_, buffer_.size() - end_),
                            [self = shared_from_this()](error_code ec, std::size_t n) { self->on_read(ec, n); });
}

void app_connection::on_read(error_code ec, std::size_t n) {
    reading_ = false;
    if (!client_) {
        return;
    }
    if (!busy()) {
        client_->on_idle_end(*this);
        return;
    }
    if (ec) {
        ended(ec);
        return;
    }
    end_ += n;
    any_byte_ = true;
    parse();
    arm_read();
}

/// A TLS server answers plain HTTP with an alert record (RFC 8446 section 5.1: type 21, then major version 3).
bool app_connection::speaks_tls() const {
    constexpr char alert = 21;
    return !reader_->got_some() && unread() > 1 && buffer_[begin_] == alert && buffer_[begin_ + 1] == 3;
}

void app_connection::parse() {
    if (speaks_tls()) {
        fail(app_failure::unreached, "speaks_tls");
        return;
    }
    while (unread() > 0) {
        error_code ec;
        begin_ += reader_->feed(buffer_.data() + begin_, unread(), ec);
        if (ec) {
            if (ec == boost::beast::http::error::body_limit) {
                fail(app_failure::too_big, "answer_too_big");
            } else {
                const bool head = ec == boost::beast::http::error::header_limit;
                fail(app_failure::cut, head ? "answer_head_too_big" : "malformed_answer");
            }
            return;
        }
        if (!reader_->done()) {
            // The parser leaves a partial line. A line longer than any head is invalid.
            if (unread() > client_->options_.max_answer_head) {
                fail(app_failure::cut, "answer_head_too_big");
            }
            return;
        }
        if (reader_->status >= 200) {
            complete();
            return;
        }
        if (reader_->status == 101) {
            fail(app_failure::cut, "malformed_answer");
            return;
        }
        // An interim answer (RFC 9110 15.2): the real one follows.
        reader_.emplace(answer_reader::limits{client_->options_.max_answer_head, client_->options_.max_answer});
    }
}

void app_connection::ended(error_code ec) {
    if (!any_byte_) {
        fail(app_failure::unreached, "closed_before_answer");
        return;
    }
    if (ec == asio::error::eof && reader_->got_some() && reader_->head_done() && reader_->need_eof()) {
        complete();
        return;
    }
    fail(app_failure::cut, "answer_broken_off");
}

void app_connection::complete() {
    const bool keep = reader_->done() && reader_->keep_alive() && unread() == 0 && written_ == request_size();
    // What a server says to a kept connection that waited too long for a request, just as ours was leaving.
    if (reader_->status == 408 && !keep && reused() && !exchange_->resent) {
        fail(app_failure::unreached, "closed_before_answer");
        return;
    }
    if (!decode_content(reader_->fields, reader_->body, client_->options_.max_answer)) {
        fail(app_failure::too_big, "answer_too_big");
        return;
    }
    core::app_answer answer;
    answer.status = reader_->status;
    answer.headers = std::move(reader_->fields);
    answer.body = std::move(reader_->body);
    client_->on_answer(*this, std::move(answer), keep);
}

void app_connection::fail(app_failure failure, const char* why) {
    client_->on_failure(*this, failure, why);
}

}  // namespace wsidecar::net
