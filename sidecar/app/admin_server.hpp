#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace wsidecar::app {

/// Connections to the admin address at once, at most; a newcomer takes the place of the one that has been idle longest.
inline constexpr std::size_t admin_connections_at_most = 64;
/// Bytes of the bodies that are being read, all together.
inline constexpr std::size_t admin_bodies_at_most = 16UL * 1024 * 1024;

/// A request to the admin address. Small: bodies are read whole, at most 4 MiB each and 16 MiB together, and of those requests
/// alone that may be made and have one.
struct admin_request {
    std::string method;
    std::string path;   ///< without the query
    std::string query;  ///< raw, without '?'
    std::string body;
    bool of_operator = false;  ///< from loopback, or with the token

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
    std::string location = {};  ///< of a redirect
};

/// Answers later or at once, exactly once.
using admin_respond = std::function<void(admin_answer)>;
using admin_handler = std::function<void(const admin_request&, admin_respond)>;

/// The operators' HTTP server (sidecar/operating.md). Runs on the event loop; must outlive io_context::run.
class admin_server {
public:
    enum class access {
        everybody,  ///< probes and metrics: kubelet and Prometheus come to the pod's address
        operators,  ///< loopback (while that is open), or the bearer token
    };

    explicit admin_server(boost::asio::io_context& loop);
    ~admin_server();

    /// Registers before start(). One handler for a method and path. `body`: the longest that it takes; a longer one is answered
    /// with 413 before it is read.
    void route(std::string method, std::string path, access who, admin_handler handler, std::size_t body = 4096);
    /// Listens on `address` ("host:port", port 0: any). Throws boost::system::system_error when it can't.
    void start(const std::string& address);
    boost::asio::ip::tcp::endpoint endpoint() const;
    /// `loopback_open` false: callers on loopback need the token, too.
    void set_access(std::string token, bool loopback_open) {
        token_ = std::move(token);
        loopback_open_ = loopback_open;
    }
    std::size_t connections() const { return sessions_.size(); }
    std::size_t body_bytes() const { return body_bytes_; }
    /// Called with a static label each time that a bound ends or refuses something: admin_connections, admin_bodies.
    std::function<void(const char*)> on_bound = [](const char*) {};
    void stop();

private:
    struct entry {
        access who;
        admin_handler handler;
        std::size_t body;
    };
    class session;
    void accept();
    void make_room();
    /// Who answers; an entry, or why nobody does.
    const entry* find(const std::string& method, const std::string& path, bool operator_allowed, admin_answer& refusal) const;

    boost::asio::io_context& loop_;
    boost::asio::ip::tcp::acceptor acceptor_;
    std::string token_;
    bool loopback_open_ = true;
    std::size_t body_bytes_ = 0;                                  ///< of the bodies that are being read, as announced
    std::list<session*> sessions_;                                ///< the one that has been idle longest at the front
    std::map<std::string, std::map<std::string, entry>> routes_;  ///< path -> method
};

/// "host:port", "[v6]:port" or ":port" as an endpoint of this machine. Throws boost::system::system_error.
boost::asio::ip::tcp::endpoint parse_endpoint(const std::string& address);

}  // namespace wsidecar::app
