#pragma once

#include "sidecar/core/context.hpp"

namespace wsidecar::core {

class endings;

/// Processes the messages of a connection one at a time, in order. The number and bytes of waiting messages are bounded; beyond that the
/// socket is not read, so that TCP slows the client down. Event loop only.
class inbound_lane {
public:
    inbound_lane(context& x, core::endings& endings) : metrics_(x.metrics), endings_(endings) {}

    void enqueue(connection& c, inbound_work::item item);
    /// Starts the next message, unless one is being processed. If none is left and the connection is closed, it may end.
    void pump(connection_ptr c);
    /// The current message has been processed.
    void done(const connection_ptr& c) {
        c->busy = false;
        pump(c);
    }

private:
    metrics& metrics_;
    endings& endings_;
};

}  // namespace wsidecar::core
