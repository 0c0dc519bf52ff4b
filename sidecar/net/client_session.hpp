#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/list_hook.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include "sidecar/core/ports.hpp"

namespace wsidecar::net {

using session_hook = boost::intrusive::list_base_hook<boost::intrusive::tag<struct session_tag>,
                                                      boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

/// An open client connection, independent of its transport: the interface for the drain, for freeing memory, and for the flusher.
class client_session : public core::session_port,
                       public boost::intrusive_ref_counter<client_session, boost::thread_unsafe_counter>,
                       public session_hook {
public:
    /// Closes for a reason of the process (drain). Messages that the client sent before it noticed are still delivered.
    virtual void go_away(core::close_cause cause) = 0;
    /// Bytes held for it: queued output, and input that was not processed. 0 if it is idle.
    virtual std::size_t held_bytes() const = 0;
    /// Closes and drops queued output. gateway::closed() runs before this returns.
    virtual void give_up(core::close_cause cause) = 0;
    void make_way(core::close_cause cause) final { give_up(cause); }
    /// Ends at once. Calls gateway::closed() if it has not been called.
    virtual void kill() = 0;
    /// Whether none of its messages is waiting or at the app, and no output is queued.
    virtual bool idle() const = 0;
    virtual bool open() const = 0;
    /// Writes queued output. Called by the flusher.
    virtual void flush() = 0;
};

using session_list = boost::intrusive::list<client_session, boost::intrusive::base_hook<session_hook>,
                                            boost::intrusive::constant_time_size<false>>;

}  // namespace wsidecar::net
