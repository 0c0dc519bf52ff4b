#pragma once

#include <sys/epoll.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <vector>

namespace wsidecar::net {

/// Tells of the readiness of many sockets: one epoll(7) instance of their own, which Asio's loop watches as a single
/// descriptor. Asio would keep 300 bytes for each socket that waits and make a system call for each wait; here a socket is
/// registered once, for its whole life, and costs a pointer in the kernel. Event loop only.
class poller {
public:
    class watcher {
    public:
        /// Edge-triggered: what is not read or written until would_block does not tell again. `ended`: the peer has shut down, or
        /// the connection broke; a read gets the end after the last bytes. May remove any watcher.
        virtual void on_ready(bool readable, bool writable, bool ended) = 0;

    protected:
        ~watcher() = default;
    };

    explicit poller(boost::asio::io_context& loop);
    poller(const poller&) = delete;
    poller& operator=(const poller&) = delete;

    /// The watcher hears at once of what is ready already.
    boost::system::error_code add(int fd, watcher& w);
    /// To be called before the descriptor is closed. The watcher hears nothing more.
    void remove(int fd, watcher& w);

private:
    void wait();
    void dispatch();

    boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> epoll_;
    std::vector<epoll_event> ready_;  ///< of the turn under way
    int count_ = 0;
};

}  // namespace wsidecar::net
