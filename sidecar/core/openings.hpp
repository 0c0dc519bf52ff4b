#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "proto/http/path.hpp"
#include "sidecar/core/context.hpp"
#include "sidecar/core/handshake.hpp"

namespace wsidecar::core {

class backlog;
class commands;
class deliveries;
class endings;
class history;
class registrations;
struct dialects;

/// A connection that waits for the answer of the app or of Redis.
struct opening {
    connection_ptr c;
    bool upgraded = false;  ///< the client already has its 101, and this is about its STOMP CONNECT
    std::string connect_headers;
    std::string traceparent;
    std::string address;  ///< proto::address_group if handshakes_per_address applies; otherwise empty
    std::function<void(handshake_verdict)> done;
    handshake_verdict verdict;  ///< the acceptance, while the registry is asked
    std::optional<proto::close_order> close;
    bool asked = false;  ///< whether the connect event was sent
};

/// Turns upgrade requests into open connections. Event loop only.
class openings {
public:
    struct neighbours {
        core::commands& commands;
        core::registrations& registrations;
        core::history& history;
        core::backlog& backlog;
        core::deliveries& deliveries;
        core::endings& endings;
        const core::dialects& dialects;
    };
    openings(context& x, const neighbours& n);

    connection_ptr open(handshake h, std::function<void(handshake_verdict)> done);
    void established(connection& c, session_port& s);
    void chose_subprotocol(connection& c, std::string_view name);
    /// Asks the registry and the app, in the order that the route needs, and calls opening::done.
    void begin(const std::shared_ptr<opening>& p);
    void refuse(std::shared_ptr<opening> p, handshake_verdict v);
    /// The configuration has changed: logs explanations of the app's answers again.
    void reconfigured() { explained_.clear(); }
    /// The number of connections with a session.
    std::size_t open_connections() const { return open_; }
    void one_closed();

private:
    bool take_names(connection& c, const handshake& h);
    std::optional<handshake_result> over_rate(const opening& o);
    bool user_over_rate(const connection& c);
    void turn_away(const std::shared_ptr<opening>& p, handshake_verdict v);
    void ask_app(std::shared_ptr<opening> p);
    void on_connect_answer(std::shared_ptr<opening> p, app_answer a);
    void accepted(const std::shared_ptr<opening>& p, app_answer a);
    void admit(std::shared_ptr<opening> p);
    void drop(const std::shared_ptr<opening>& p);
    void withdraw(connection& c);
    void watch_login(connection& c);
    void explain(const connection& c, const app_answer& a);

    context& context_;
    metrics& metrics_;
    app_port& app_;
    bus_port& bus_;
    timer_port& timers_;
    hub& hub_;
    departed& departed_;
    tracing& tracing_;
    commands& commands_;
    registrations& registrations_;
    history& history_;
    backlog& backlog_;
    deliveries& deliveries_;
    endings& endings_;
    const dialects& dialects_;
    std::size_t open_ = 0;
    std::unordered_set<std::string> explained_;  ///< explanations of connect answers that have been logged
};

}  // namespace wsidecar::core
