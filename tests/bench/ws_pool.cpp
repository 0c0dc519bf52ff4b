#include "tests/bench/ws_pool.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <utility>

namespace bench {

std::uint64_t now_us() {
    using namespace std::chrono;
    return static_cast<std::uint64_t>(duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count());
}

ws_pool::ws_pool(options o, on_message f)
    : options_(std::move(o)),
      on_message_(std::move(f)),
      clients_(options_.connections),
      buffer_(256 * 1024),
      epoll_(epoll_create1(0)) {}

ws_pool::~ws_pool() {
    for (auto& c : clients_) {
        if (c.fd >= 0) {
            close(c.fd);
        }
    }
    close(epoll_);
}

bool ws_pool::open(double seconds) {
    const std::uint64_t begin = now_us();
    const std::uint64_t end = begin + static_cast<std::uint64_t>(seconds * 1e6);
    const auto due = [&] {
        return options_.per_second <= 0 ||
               static_cast<double>(next_) <= static_cast<double>(now_us() - begin) * options_.per_second / 1e6;
    };
    while (opened_ + failed_ < clients_.size() && now_us() < end) {
        while (next_ < clients_.size() && opening_ < options_.opening_at_once && due()) {
            ++opening_;
            start(next_++);
        }
        poll(options_.per_second > 0 ? 1'000 : 100'000);
    }
    return opened_ == clients_.size();
}

std::string ws_pool::request(std::size_t i) const {
    std::string path = options_.path;
    for (const auto& [name, value] : {std::pair{"{i}", i}, std::pair{"{g}", i % 100}}) {
        if (const auto at = path.find(name); at != std::string::npos) {
            path.replace(at, 3, std::to_string(value));
        }
    }
    std::string cookie = "SESSION=" + std::to_string(i) + std::string(options_.cookie_bytes, 'c');
    cookie.resize(options_.cookie_bytes);
    return "GET " + path +
           " HTTP/1.1\r\nHost: bench.example\r\nConnection: Upgrade\r\nPragma: no-cache\r\n"
           "Cache-Control: no-cache\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) "
           "AppleWebKit/537.36 (KHTML, like "
           "Gecko) Chrome/128.0.0.0 Safari/537.36\r\nUpgrade: websocket\r\nOrigin: "
           "http://bench.example\r\n"
           "Sec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br\r\nAccept-Language: "
           "en-US,en;q=0.9\r\n"
           "Cookie: " +
           cookie + "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
}

void ws_pool::start(std::size_t i) {
    client& c = clients_[i];
    if (options_.on_start) {
        options_.on_start(i);
    }
    c.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int one = 1;
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    // The port is chosen at connect(), by the whole tuple: ports in TIME_WAIT of an earlier run do not count.
    setsockopt(c.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    // One source address has about 28,000 ports; several let one machine open more.
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(0x7F000001U + static_cast<std::uint32_t>(i / 10000));
    bind(c.fd, reinterpret_cast<sockaddr*>(&from), sizeof from);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(options_.port);
    inet_pton(AF_INET, options_.host.c_str(), &to.sin_addr);
    if (c.fd < 0 || (connect(c.fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS)) {
        drop(i);
        return;
    }
    epoll_event e{};
    e.events = EPOLLIN | EPOLLOUT | EPOLLET;
    e.data.u64 = i;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &e);
    c.out = request(i);
}

void ws_pool::stop_reading(std::size_t i) {
    if (clients_[i].fd >= 0) {
        epoll_ctl(epoll_, EPOLL_CTL_DEL, clients_[i].fd, nullptr);
    }
}

void ws_pool::poll(std::int64_t us) {
    std::array<epoll_event, 512> events;
    const timespec wait{us / 1'000'000, us % 1'000'000 * 1000};
    const int n = epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &wait, nullptr);
    for (int k = 0; k < n; ++k) {
        const auto i = static_cast<std::size_t>(events[static_cast<std::size_t>(k)].data.u64);
        const auto what = events[static_cast<std::size_t>(k)].events;
        if (clients_[i].fd >= 0 && (what & EPOLLOUT) != 0) {
            flush(i);
        }
        if (clients_[i].fd >= 0 && (what & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
            readable(i);
        }
    }
}

void ws_pool::readable(std::size_t i) {
    for (;;) {
        client& c = clients_[i];
        const ssize_t n = recv(c.fd, buffer_.data(), buffer_.size(), 0);
        if (n > 0) {
            consume(i, {buffer_.data(), static_cast<std::size_t>(n)});
            if (c.fd < 0 || static_cast<std::size_t>(n) < buffer_.size()) {
                return;
            }
            continue;
        }
        if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            drop(i);
        }
        return;
    }
}

void ws_pool::consume(std::size_t i, std::string_view data) {
    client& c = clients_[i];
    if (c.in.empty()) {
        const std::size_t used = frames(i, data);
        if (c.fd >= 0) {
            c.in.assign(data.substr(used));
        }
        return;
    }
    c.in.append(data);
    const std::string whole = std::move(c.in);
    c.in.clear();
    const std::size_t used = frames(i, whole);
    if (c.fd >= 0) {
        c.in.assign(whole, used);
    }
}

std::size_t ws_pool::frames(std::size_t i, std::string_view data) {
    client& c = clients_[i];
    std::size_t at = 0;
    if (!c.upgraded) {
        const auto end = data.find("\r\n\r\n");
        if (end == std::string_view::npos) {
            return 0;
        }
        if (data.substr(0, 12) != "HTTP/1.1 101") {
            c.told = true;
            if (options_.on_refused) {
                options_.on_refused(i, data.substr(0, end + 2));
            } else if (failed_ + redialled_ == 0) {
                std::fprintf(stderr, "refused: %.*s\n", static_cast<int>(std::min<std::size_t>(end, 200)), data.data());
            }
            drop(i);
            return data.size();
        }
        c.upgraded = true;
        --opening_;
        ++opened_;
        at = end + 4;
    }
    while (c.fd >= 0 && data.size() - at >= 2) {
        const auto byte = [&](std::size_t k) { return static_cast<std::uint64_t>(static_cast<unsigned char>(data[at + k])); };
        std::uint64_t size = byte(1) & 0x7FU;
        std::size_t head = 2;
        if (size >= 126) {
            const std::size_t wide = size == 126 ? 2 : 8;
            if (data.size() - at < 2 + wide) {
                break;
            }
            size = 0;
            for (std::size_t k = 0; k < wide; ++k) {
                size = size << 8U | byte(2 + k);
            }
            head += wide;
        }
        if (data.size() - at < head + size) {
            break;
        }
        const std::string_view payload = data.substr(at + head, size);
        const auto opcode = byte(0) & 0x0FU;
        at += head + size;
        if (opcode == 9) {
            std::string pong{"\x8A", 1};
            pong += static_cast<char>(0x80U | payload.size());
            pong.append(4, '\0');  // a zero mask leaves the bytes as they are
            pong += payload;
            write(i, pong);
        } else if (opcode == 8) {
            drop(i);
        } else {
            on_message_(i, payload);
        }
    }
    return at;
}

void ws_pool::send(std::size_t i, std::string_view payload) {
    std::string frame{"\x81", 1};
    if (payload.size() < 126) {
        frame += static_cast<char>(0x80U | payload.size());
    } else {
        frame += static_cast<char>(0xFEU);
        frame += static_cast<char>(payload.size() >> 8U);
        frame += static_cast<char>(payload.size() & 0xFFU);
    }
    frame.append(4, '\0');
    frame += payload;
    write(i, frame);
}

void ws_pool::write(std::size_t i, std::string_view bytes) {
    client& c = clients_[i];
    if (c.fd < 0) {
        return;
    }
    c.out.append(bytes);
    flush(i);
}

void ws_pool::flush(std::size_t i) {
    client& c = clients_[i];
    while (!c.out.empty()) {
        const ssize_t n = ::send(c.fd, c.out.data(), c.out.size(), MSG_NOSIGNAL);
        if (n <= 0) {
            if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTCONN) {
                drop(i);
            }
            return;
        }
        c.out.erase(0, static_cast<std::size_t>(n));
    }
    c.out.shrink_to_fit();
}

void ws_pool::drop(std::size_t i) {
    client& c = clients_[i];
    if (c.fd >= 0) {
        close(c.fd);
        c.fd = -1;
    }
    if (c.upgraded) {
        ++closed_;
    } else if (c.redials < options_.redials) {
        ++c.redials;
        ++redialled_;
        c.in.clear();
        start(i);
    } else {
        --opening_;
        ++failed_;
        if (options_.on_refused && !c.told) {
            options_.on_refused(i, {});
        }
    }
}

}  // namespace bench
