#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <vector>

namespace wsidecar::net {

class client_session;

/// The sessions with something new to write. They are written once, at the end of the loop turn, so that what a turn
/// queued leaves in one writev per connection. Kept alive until then.
class flusher {
public:
    explicit flusher(boost::asio::io_context& loop);
    ~flusher();

    /// Once per session until it was flushed; the session sees to that.
    void add(client_session& s);

private:
    void run();

    boost::asio::io_context& loop_;
    std::vector<boost::intrusive_ptr<client_session>> dirty_;
    std::vector<boost::intrusive_ptr<client_session>> working_;  ///< keeps its capacity from turn to turn
    bool posted_ = false;
};

}  // namespace wsidecar::net
