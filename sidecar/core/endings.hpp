#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <unordered_set>

#include "sidecar/core/events.hpp"
#include "sidecar/core/handshake.hpp"

namespace wsidecar::core {

/// Ends connections: removes them from the registry and then sends the disconnect event. Event loop only.
class endings final : public event_sender {
public:
    endings(context& x, core::events& events, find_route routes);

    /// Removes a closed connection from the registry, and then sends its disconnect event if one is due. `last` is as in bus_port::retire.
    void end(connection_ptr c, const registration& last);
    /// Sends the disconnect event if the registry has answered and no event of the connection is under way.
    void maybe_disconnect(connection_ptr c);
    /// Sends the disconnect event of a dead instance's connection to this instance's app. `done` gets true if the app accepted it or no
    /// route wants it.
    void disconnect_on_behalf(const lost_connection& lost, std::function<void(bool)> done);

    /// The number of connections whose end is under way.
    std::size_t count() const { return count_; }
    bool holds(const std::string& connection) const { return under_way_.contains(connection); }

    void reply(exchange&, proto::app_reply&) override {}
    void refuse(exchange& x, std::uint16_t code, const char* reason) override;
    void finished(const std::shared_ptr<exchange>& x, event_outcome outcome) override;

private:
    context& context_;
    bus_port& bus_;
    timer_port& timers_;
    const std::string& instance_;
    events& events_;
    find_route route_for_;
    std::size_t count_ = 0;
    std::unordered_set<std::string> under_way_;
};

}  // namespace wsidecar::core
