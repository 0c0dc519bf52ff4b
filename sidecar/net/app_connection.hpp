#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/core/ports.hpp"
#include "sidecar/net/app_endpoint.hpp"
#include "sidecar/net/http_reader.hpp"

namespace wsidecar::net {

class app_client;

/// One request on its way through app_client.
struct app_exchange {
    core::app_request request;
    std::function<void(core::app_answer)> done;
    bool resent = false;  ///< a kept connection had been closed by the app: no second time
    bool probe = false;   ///< GET app.health, beside app.concurrency, on a connection of its own
};

/// One kept-alive connection to the app. There is always one read outstanding: it gets the answer while a request is in
/// flight and notices the app's closing while none is. Owned by app_client's pool and by its pending operations.
class app_connection : public std::enable_shared_from_this<app_connection> {
public:
    using clock = std::chrono::steady_clock;

    app_connection(app_client& client, app_socket socket, unsigned epoch);

    /// Sends the request at once. The client hears of the end by on_answer or on_failure, never from inside this call.
    void start(std::unique_ptr<app_exchange> x);
    /// Closes the socket. The client hears nothing more.
    void close();

    /// Of the app's address: a connection to an earlier one is not kept.
    unsigned epoch() const { return epoch_; }
    bool busy() const { return exchange_ != nullptr; }
    bool reused() const { return requests_ > 1; }
    /// Busy: when the answer must be there; idle: when to close.
    clock::time_point deadline() const { return deadline_; }
    void set_deadline(clock::time_point t) { deadline_ = t; }
    std::unique_ptr<app_exchange> take_exchange() { return std::move(exchange_); }

private:
    void build_head();
    std::chrono::milliseconds time_allowed() const;
    void write();
    void arm_read();
    void on_read(boost::system::error_code ec, std::size_t n);
    void parse();
    bool speaks_tls() const;
    void ended(boost::system::error_code ec);
    void complete();
    void fail(core::app_failure failure, const char* why);
    void make_room();
    std::size_t unread() const { return end_ - begin_; }
    std::size_t request_size() const { return head_.size() + exchange_->request.body.size(); }

    app_client* client_;  ///< null once closed
    app_socket socket_;
    std::unique_ptr<app_exchange> exchange_;
    std::optional<answer_reader> reader_;
    std::string head_;
    std::size_t written_ = 0;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;  ///< of the unread bytes in buffer_
    std::size_t end_ = 0;
    std::uint64_t requests_ = 0;
    unsigned epoch_;
    bool reading_ = false;
    bool any_byte_ = false;  ///< of the answer
    clock::time_point deadline_;
};

}  // namespace wsidecar::net
