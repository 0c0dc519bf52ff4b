#pragma once

#include "sidecar/core/context.hpp"

namespace wsidecar::core {

class backlog;

/// What the registry is told of connections.
class registrations {
public:
    registrations(context& x, core::backlog& backlog) : bus_(x.bus), backlog_(backlog) {}

    registration of(const connection& c) const;
    /// The connection's names or state have changed, and it has no subscriptions.
    void renew(connection& c);

private:
    bus_port& bus_;
    backlog& backlog_;
};

}  // namespace wsidecar::core
