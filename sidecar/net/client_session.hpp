#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/list_hook.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include "sidecar/core/ports.hpp"

namespace wsidecar::net {

using session_hook = boost::intrusive::list_base_hook<boost::intrusive::tag<struct session_tag>,
                                                      boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

/// An open connection of a client, whatever carries it: what the drain, the shedding of memory and the flusher need of it.
class client_session : public core::session_port,
                       public boost::intrusive_ref_counter<client_session, boost::thread_unsafe_counter>,
                       public session_hook {
public:
    /// Closes for a reason of the process (drain); messages that the client sent before it knew are still delivered.
    virtual void go_away(core::close_cause cause) = 0;
    /// Bytes that are kept for it: what waits for its socket, and what of its own is not dealt with. 0 for an idle one.
    virtual std::size_t held_bytes() const = 0;
    /// Closes and drops what is queued. The gateway is told before this returns.
    virtual void give_up(core::close_cause cause) = 0;
    void make_way(core::close_cause cause) final { give_up(cause); }
    /// Ends at once; a gateway that was not told yet is told.
    virtual void kill() = 0;
    /// No message of it is with the app or waiting, and nothing is queued for it.
    virtual bool idle() const = 0;
    virtual bool open() const = 0;
    /// Writes what is queued. Called by the flusher.
    virtual void flush() = 0;
};

using session_list = boost::intrusive::list<client_session, boost::intrusive::base_hook<session_hook>,
                                            boost::intrusive::constant_time_size<false>>;

}  // namespace wsidecar::net
