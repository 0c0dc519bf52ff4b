#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace wsidecar::app {

/// A request to the admin address. Small: bodies are read whole, at most 4 MiB.
struct admin_request {
    std::string method;
    std::string path;   ///< without the query
    std::string query;  ///< raw, without '?'
    std::string body;

    /// The decoded value of a query parameter; empty when absent.
    std::string parameter(std::string_view name) const;
};

/// A browser, or curl, that reads server-sent events until it goes away.
class admin_stream {
public:
    virtual ~admin_stream() = default;
    /// Sends one event; `data` is one line. What comes while an earlier one is still on its way is left out, the next will be
    /// newer. False: it has gone, or has taken nothing for 5 events and was dropped.
    virtual bool send(std::string_view data) = 0;
    virtual bool open() const = 0;
};

struct admin_answer {
    unsigned status = 200;
    std::string body;
    const char* content_type = "application/json";
    bool page =
        false;  ///< part of a page: the browser loads nothing from elsewhere for it, runs nothing written into it, frames it nowhere
    /// Set: no body, but events from now on. Called once the head is on its way.
    std::function<void(std::shared_ptr<admin_stream>)> stream = {};
};

/// Answers later or at once, exactly once.
using admin_respond = std::function<void(admin_answer)>;
using admin_handler = std::function<void(const admin_request&, admin_respond)>;

/// The operators' HTTP server (contract section 10). Runs on the event loop; must outlive io_context::run.
class admin_server {
public:
    enum class access {
        everybody,  ///< probes and metrics: kubelet and Prometheus come to the pod's address
        operators,  ///< loopback (while that is open), or the bearer token
    };

    explicit admin_server(boost::asio::io_context& loop);

    /// Registers before start(). One handler for a method and path.
    void route(std::string method, std::string path, access who, admin_handler handler);
    /// Listens on `address` ("host:port", port 0: any). Throws boost::system::system_error when it can't.
    void start(const std::string& address);
    boost::asio::ip::tcp::endpoint endpoint() const;
    /// `loopback_open` false: callers on loopback need the token, too.
    void set_access(std::string token, bool loopback_open) {
        token_ = std::move(token);
        loopback_open_ = loopback_open;
    }
    void stop();

private:
    struct entry {
        access who;
        admin_handler handler;
    };
    class session;
    void accept();
    void dispatch(const admin_request& request, bool operator_allowed, admin_respond respond);

    boost::asio::io_context& loop_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::string token_;
    bool loopback_open_ = true;
    std::map<std::string, std::map<std::string, entry>> routes_;  ///< path -> method
};

/// "host:port", "[v6]:port" or ":port" as an endpoint of this machine. Throws boost::system::system_error.
boost::asio::ip::tcp::endpoint parse_endpoint(const std::string& address);

}  // namespace wsidecar::app
