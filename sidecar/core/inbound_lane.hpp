#pragma once

#include "sidecar/core/context.hpp"

namespace wsidecar::core {

class endings;

/// Messages of a connection, one after the other: each takes its turn when the one before it is done with. What waits is bounded;
/// beyond it TCP slows the client down.
class inbound_lane {
public:
    inbound_lane(context& x, core::endings& endings) : metrics_(x.metrics), endings_(endings) {}

    void enqueue(connection& c, inbound_work::item item);
    /// Gives the next one its turn, unless one has it. When none is left, the connection may end.
    void pump(connection_ptr c);
    /// The one that had its turn is done with.
    void done(const connection_ptr& c) {
        c->busy = false;
        pump(c);
    }

private:
    metrics& metrics_;
    endings& endings_;
};

}  // namespace wsidecar::core
