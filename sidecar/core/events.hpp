#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "sidecar/core/context.hpp"
#include "sidecar/core/exchange.hpp"

namespace wsidecar::core {

class backlog;
class commands;
class history;
class registrations;

/// Events that wait for an app that did not take them.
struct waiting_events {
    std::size_t count = 0;  ///< sent in vain at least once, and messages of the same connections behind them
    double oldest = 0;      ///< seconds since the first attempt of the one that has waited longest
};

/// Events to the app: sends them, repeats them, and takes the app's answers.
class events {
public:
    events(context& x, core::commands& commands, core::registrations& registrations, core::history& history,
           core::backlog& backlog);

    /// The next event of a connection, without its target and body.
    std::shared_ptr<exchange> new_exchange(event_sender& sender, const connection_ptr& c, proto::event_type type);
    /// Sends it; event_sender::finished() follows.
    void attempt(std::shared_ptr<exchange> x);
    waiting_events waiting() const;
    /// Tells the app of deliveries (a source's `delivered`). `done(true)`: it took the call, or never will.
    void tell(const std::string& path, std::string body, const std::string& id, std::function<void(bool)> done);

private:
    void on_answer(std::shared_ptr<exchange> x, app_answer a);
    void retry(std::shared_ptr<exchange> x, std::optional<std::chrono::milliseconds> after, bool down, const char* cause);
    void give_up(const std::shared_ptr<exchange>& x, const char* cause);
    void finish(std::shared_ptr<exchange> x, event_outcome outcome);
    void take_answer(std::shared_ptr<exchange> x, app_answer a);
    void drop_inbound(connection& c, const char* reason);
    void reject(std::shared_ptr<exchange> x, unsigned status, event_outcome why);

    context& context_;
    const config::config& config_;
    metrics& metrics_;
    app_port& app_;
    bus_port& bus_;
    timer_port& timers_;
    tracing& tracing_;
    commands& commands_;
    registrations& registrations_;
    history& history_;
    backlog& backlog_;
    std::unordered_set<std::shared_ptr<exchange>> retrying_;  ///< sent in vain at least once
};

}  // namespace wsidecar::core
