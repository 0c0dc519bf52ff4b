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

/// One request in app_client.
struct app_exchange {
    core::app_request request;
    std::function<void(core::app_answer)> done;
    bool resent = false;  ///< it was sent again because the app had closed the kept connection; this happens only once
    bool probe = false;   ///< a GET of app.health, on its own connection and not counted by app.concurrency
};

/// One keep-alive connection to the app. One read is always outstanding: it receives the answer while a request is in flight, and otherwise
/// notices when the app closes. app_client's pool and the pending operations share ownership. Event loop only.
class app_connection : public std::enable_shared_from_this<app_connection> {
public:
    using clock = std::chrono::steady_clock;

    app_connection(app_client& client, app_socket socket, unsigned epoch);

    /// Sends the request. The client's on_answer or on_failure follows, but not before this call returns.
    void start(std::unique_ptr<app_exchange> x);
    /// Closes the socket. No function of the client is called afterwards.
    void close();

    /// The number of the app's address when this was opened. A connection to an earlier address is not reused.
    unsigned epoch() const { return epoch_; }
    bool busy() const { return exchange_ != nullptr; }
    bool reused() const { return requests_ > 1; }
    /// While busy, the time by which the answer must be complete; while idle, the time at which to close.
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
