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

/// A connection that the app, or Redis, has still to say yes to.
struct opening {
    connection_ptr c;
    bool upgraded = false;  ///< the client has its 101 already: this is about its CONNECT
    std::string connect_headers;
    std::string traceparent;
    std::string address;  ///< proto::address_group, where handshakes_per_address holds; else empty
    std::function<void(handshake_verdict)> done;
    handshake_verdict verdict;  ///< of an acceptance, while the registry is asked
    std::optional<proto::close_order> close;
    bool asked = false;  ///< the connect event went out
};

/// From an upgrade request to an open connection.
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
    /// Asks registry and app, in the order that the route needs, and answers with opening::done.
    void begin(const std::shared_ptr<opening>& p);
    void refuse(std::shared_ptr<opening> p, handshake_verdict v);
    /// The configuration has changed: explains what the app answers anew.
    void reconfigured() { explained_.clear(); }
    /// Connections with a session.
    std::size_t open_connections() const { return open_; }
    void one_closed();

private:
    bool take_names(connection& c, const handshake& h);
    const char* over_rate(const opening& o);
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
    std::unordered_set<std::string> explained_;  ///< answers to connect events that the log has explained
};

}  // namespace wsidecar::core
