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

/// Events that the app has not accepted so far.
struct waiting_events {
    std::size_t count = 0;  ///< events that failed at least once, and messages of the same connections that wait behind them
    double oldest = 0;      ///< seconds since the first attempt of the oldest
};

/// Sends events to the app, repeats them, and processes the app's answers. Event loop only.
class events {
public:
    events(context& x, core::commands& commands, core::registrations& registrations, core::history& history,
           core::backlog& backlog);

    /// Creates a connection's next event; the caller sets its target and body.
    std::shared_ptr<exchange> new_exchange(event_sender& sender, const connection_ptr& c, proto::event_type type);
    /// Sends the event. event_sender::finished() follows exactly once.
    void attempt(std::shared_ptr<exchange> x);
    waiting_events waiting() const;
    /// Sends callbacks to the app (a source's `delivered`). `done` gets true if the app accepted them or never will.
    void tell(const std::string& path, std::string body, const std::string& id, std::function<void(bool)> done);

private:
    void on_answer(std::shared_ptr<exchange> x, app_answer a);
    void retry(std::shared_ptr<exchange> x, std::optional<std::chrono::milliseconds> after, bool down, const char* cause);
    void give_up(const std::shared_ptr<exchange>& x, const char* cause);
    void finish(std::shared_ptr<exchange> x, event_outcome outcome);
    void take_answer(std::shared_ptr<exchange> x, app_answer a);
    void drop_inbound(connection& c, undelivered_reason reason);
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
    std::unordered_set<std::shared_ptr<exchange>> retrying_;  ///< events that failed at least once
};

}  // namespace wsidecar::core
