#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/list_hook.hpp>

#include "sidecar/core/ports.hpp"

namespace wsidecar::core {

class connection;

/// A STOMP connection's entry in the list of those that have sent no CONNECT, the oldest first.
struct silent_stomp : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    connection* of = nullptr;
    timer_port::clock::time_point since;
};

using silent_stomps = boost::intrusive::list<silent_stomp, boost::intrusive::constant_time_size<false>>;

}  // namespace wsidecar::core
