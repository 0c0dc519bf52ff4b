#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <vector>

namespace wsidecar::net {

class client_session;

/// Flushes sessions with new output at the end of the loop turn, so that everything queued in one turn is written with one writev per
/// connection. Keeps the sessions alive until then. Event loop only.
class flusher {
public:
    explicit flusher(boost::asio::io_context& loop);
    ~flusher();

    /// Adds a session. The session must not add itself again before it is flushed.
    void add(client_session& s);

private:
    void run();

    boost::asio::io_context& loop_;
    std::vector<boost::intrusive_ptr<client_session>> dirty_;
    std::vector<boost::intrusive_ptr<client_session>> working_;  ///< keeps its capacity from turn to turn
    bool posted_ = false;
};

}  // namespace wsidecar::net
