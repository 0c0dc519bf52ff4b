#pragma once

#include <sys/epoll.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <vector>

namespace wsidecar::net {

/// Reports the readiness of many sockets through one epoll(7) instance, which Asio's loop watches as a single descriptor. Asio would keep 300
/// bytes for each waiting socket and make a system call for each wait. Here a socket is registered once for its life, and costs a pointer
/// in the kernel. Event loop only.
class poller {
public:
    class watcher {
    public:
        /// Readiness is edge-triggered: it is reported again only after a read or write returned would_block. `ended` means that the peer has
        /// shut down or the connection broke; a read returns the end after the last bytes. May remove any watcher.
        virtual void on_ready(bool readable, bool writable, bool ended) = 0;

    protected:
        ~watcher() = default;
    };

    explicit poller(boost::asio::io_context& loop);
    poller(const poller&) = delete;
    poller& operator=(const poller&) = delete;

    /// Registers a socket. Existing readiness is reported in the next loop turn.
    boost::system::error_code add(int fd, watcher& w);
    /// Removes a socket. Must be called before the descriptor is closed. on_ready() is not called afterwards.
    void remove(int fd, watcher& w);

private:
    void wait();
    void dispatch();

    boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> epoll_;
    std::vector<epoll_event> ready_;  ///< of the turn under way
    int count_ = 0;
};

}  // namespace wsidecar::net
