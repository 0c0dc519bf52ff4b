#include "sidecar/net/poller.hpp"

#include <sys/epoll.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <stdexcept>

namespace wsidecar::net {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// Sockets in one turn: others of the loop get theirs in between.
constexpr std::size_t at_once = 256;

int make_epoll() {
    const int fd = ::epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) {
        throw std::runtime_error("epoll_create1: " + error_code(errno, boost::system::system_category()).message());
    }
    return fd;
}

}  // namespace

poller::poller(asio::io_context& loop) : epoll_(loop, make_epoll()), ready_(at_once) {
    wait();
}

error_code poller::add(int fd, watcher& w) {
    epoll_event e{};
    e.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    e.data.ptr = &w;
    if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, fd, &e) != 0) {
        return {errno, boost::system::system_category()};
    }
    return {};
}

void poller::remove(int fd, watcher& w) {
    ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, fd, nullptr);
    for (int i = 0; i < count_; ++i) {
        if (ready_[static_cast<std::size_t>(i)].data.ptr == &w) {
            ready_[static_cast<std::size_t>(i)].data.ptr = nullptr;
        }
    }
}

void poller::wait() {
    epoll_.async_wait(decltype(epoll_)::wait_read, [this](error_code ec) {
        if (!ec) {
            dispatch();
        }
    });
}

void poller::dispatch() {
    count_ = ::epoll_wait(epoll_.native_handle(), ready_.data(), static_cast<int>(at_once), 0);
    for (int i = 0; i < count_; ++i) {
        const epoll_event e = ready_[static_cast<std::size_t>(i)];
        if (e.data.ptr == nullptr) {
            continue;  // removed by one before it
        }
        const bool ended = (e.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        static_cast<watcher*>(e.data.ptr)
            ->on_ready(ended || (e.events & EPOLLIN) != 0, ended || (e.events & EPOLLOUT) != 0, ended);
    }
    count_ = 0;
    wait();
}

}  // namespace wsidecar::net
