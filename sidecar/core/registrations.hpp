#pragma once

#include "sidecar/core/context.hpp"

namespace wsidecar::core {

class backlog;

/// Writes connections to the registry. Event loop only.
class registrations {
public:
    registrations(context& x, core::backlog& backlog) : bus_(x.bus), backlog_(backlog) {}

    registration of(const connection& c) const;
    /// Updates the registry after a change of the connection's names or state. For connections without subscriptions only.
    void renew(connection& c);

private:
    bus_port& bus_;
    backlog& backlog_;
};

}  // namespace wsidecar::core
