// The machine's own bound: the least that can do a sidecar's work. One thread, bare epoll, one send() per connection and turn
// of the loop; no limits, no registry, no guarantees, frames of up to 64 KiB, requests that arrive in one piece.
//
//   limit --port P --redis-port R [--app-port A] [--list 1] [--ping SECONDS]
//
// Publishes come from Redis: SUBSCRIBE of <prefix>all and of <prefix>user:N for who is connected, and with --list from
// <prefix>outbox in batches. What a client sends is POSTed to the app on kept connections; its answer goes back.

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/limit_wire.hpp"

namespace {

using namespace limit;
constexpr int app_connections = 64;  // as many as wsidecar has by default

class server {
public:
    server(std::uint16_t port, std::uint16_t redis, std::uint16_t app, bool list, double ping)
        : listener_(listening(port)), app_port_(app), ping_(ping) {
        watch(listener_, kind::listener);
        redis_ = connected(redis);
        watch(redis_, kind::channel);
        send_all(redis_, command({"SUBSCRIBE", "wsidecar:all"}));
        if (list) {
            list_ = connected(redis);
            watch(list_, kind::list);
            send_all(list_, pop_);
        }
        for (int i = 0; app != 0 && i < app_connections; ++i) {
            apps_.push_back({connected(app_port_), {}, {}});
            watch(apps_.back().fd, kind::app, static_cast<unsigned>(i));
        }
        if (ping > 0) {
            timer_ = timerfd_create(CLOCK_MONOTONIC, 0);
            const itimerspec each{{0, 100'000'000}, {0, 100'000'000}};
            timerfd_settime(timer_, 0, &each, nullptr);
            watch(timer_, kind::timer);
        }
    }

    [[noreturn]] void run() {
        std::array<epoll_event, 512> events;
        for (;;) {
            const int n = epoll_wait(loop_, events.data(), events.size(), -1);
            for (int k = 0; k < n; ++k) {
                handle(events[static_cast<std::size_t>(k)]);
            }
            flush();
        }
    }

private:
    enum class kind : unsigned { client, listener, channel, list, app, timer };
    struct client {
        int user = -1;
        int slot = -1;                      ///< of pending_, for this turn
        std::unique_ptr<std::string> rest;  ///< what the kernel did not take
    };
    struct request {
        int user;
        std::string text;
    };
    struct app_link {
        int fd;
        std::deque<request> waiting;  ///< the first is on its way
        std::string in;
    };
    struct write {
        int fd;
        std::string bytes;
    };

    void watch(int fd, kind k, unsigned index = 0) {
        epoll_event e{};
        e.events = EPOLLIN;
        e.data.u64 =
            static_cast<std::uint64_t>(k) << 56U | static_cast<std::uint64_t>(index) << 32U | static_cast<unsigned>(fd);
        epoll_ctl(loop_, EPOLL_CTL_ADD, fd, &e);
    }

    void handle(const epoll_event& e) {
        const int fd = static_cast<int>(e.data.u64 & 0xFFFFFFFFU);
        switch (static_cast<kind>(e.data.u64 >> 56U)) {
            case kind::client: readable(fd, e.events); break;
            case kind::listener: accept_some(); break;
            case kind::channel: from_redis(redis_, channel_in_); break;
            case kind::list: from_redis(list_, list_in_); break;
            case kind::app: answered(apps_[e.data.u64 >> 32U & 0xFFFFFFU]); break;
            case kind::timer: beat(); break;
        }
    }

    void accept_some() {
        for (int k = 0; k < 64; ++k) {
            const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
            if (fd < 0) {
                return;
            }
            no_delay(fd);
            if (clients_.size() <= static_cast<std::size_t>(fd)) {
                clients_.resize(static_cast<std::size_t>(fd) + 1);
            }
            clients_[static_cast<std::size_t>(fd)] = {};
            watch(fd, kind::client);
        }
    }

    void readable(int fd, std::uint32_t what) {
        client& c = clients_[static_cast<std::size_t>(fd)];
        if ((what & EPOLLOUT) != 0 && c.rest) {
            const std::string rest = std::move(*c.rest);
            c.rest.reset();
            put(fd, rest);
        }
        if ((what & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) {
            return;
        }
        const ssize_t n = recv(fd, buffer_.data(), buffer_.size(), 0);
        if (n <= 0) {
            if (n == 0 || errno != EAGAIN) {
                end(fd);
            }
            return;
        }
        const std::string_view in(buffer_.data(), static_cast<std::size_t>(n));
        if (c.user < 0) {
            upgrade(fd, in);
        } else if (!for_each_frame(std::span(buffer_.data(), in.size()),
                                   [&](int opcode, std::string_view text) { take(c.user, opcode, text); })) {
            end(fd);
        }
    }

    void upgrade(int fd, std::string_view head) {
        const auto at = head.find("user=");
        clients_[static_cast<std::size_t>(fd)].user = at == std::string_view::npos ? 0 : std::atoi(head.data() + at + 5);
        const auto user = static_cast<std::size_t>(clients_[static_cast<std::size_t>(fd)].user);
        if (users_.size() <= user) {
            users_.resize(user + 1, -1);
        }
        users_[user] = fd;
        redis_out_ += command({"SUBSCRIBE", "wsidecar:user:" + std::to_string(user)});
        append(fd, switching_protocols(head));
        opened_.push_back(fd);
    }

    void take(int user, int opcode, std::string_view text) {
        if (opcode != 1 || apps_.empty()) {
            return;  // a pong
        }
        app_link& a = apps_[static_cast<std::size_t>(user) % apps_.size()];  // always the same: in order
        a.waiting.push_back({user, std::string(text)});
        if (a.waiting.size() == 1) {
            post(a);
        }
    }

    void post(app_link& a) {
        const std::string& text = a.waiting.front().text;
        send_all(a.fd, "POST /ws/bench HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: " +
                           std::to_string(text.size()) + "\r\n\r\n" + text);
    }

    void answered(app_link& a) {
        const ssize_t n = recv(a.fd, buffer_.data(), buffer_.size(), 0);
        if (n <= 0) {
            std::fputs("limit: the app is gone\n", stderr);
            std::exit(1);
        }
        a.in.append(buffer_.data(), static_cast<std::size_t>(n));
        const auto head = a.in.find("\r\n\r\n");
        const auto length = a.in.find("Content-Length: ");
        if (head == std::string::npos || length == std::string::npos) {
            return;
        }
        const auto size = static_cast<std::size_t>(std::atoll(a.in.data() + length + 16));
        if (a.in.size() < head + 4 + size) {
            return;
        }
        to_user(a.waiting.front().user, std::string_view(a.in).substr(head + 4));
        a.in.clear();
        a.waiting.pop_front();
        if (!a.waiting.empty()) {
            post(a);
        }
    }

    void from_redis(int fd, std::string& in) {
        const ssize_t n = recv(fd, buffer_.data(), buffer_.size(), 0);
        if (n <= 0) {
            std::fputs("limit: Redis is gone\n", stderr);
            std::exit(1);
        }
        in.append(buffer_.data(), static_cast<std::size_t>(n));
        std::size_t used = 0;
        for (;;) {
            words_.clear();
            std::size_t at = used;
            if (!reply(in, at, words_)) {
                break;
            }
            used = at;
            if (fd == redis_) {
                published();
            } else {
                popped();
            }
        }
        in.erase(0, used);
    }

    void published() {
        if (words_.size() != 3 || words_[0] != "message") {
            return;
        }
        if (words_[1].ends_with("all")) {
            frame(broadcast_, words_[2]);
        } else {
            to_user(std::atoi(words_[1].data() + words_[1].rfind(':') + 1), words_[2]);
        }
    }

    void popped() {
        for (std::size_t i = 1; i < words_.size(); ++i) {
            const auto user = words_[i].find("\"user\":\"");
            const auto text = words_[i].find("\"text\":\"");
            if (user != std::string_view::npos && text != std::string_view::npos) {
                to_user(std::atoi(words_[i].data() + user + 8), words_[i].substr(text + 8, words_[i].size() - text - 10));
            }
        }
        send_all(list_, pop_);
    }

    void to_user(int user, std::string_view text) {
        const auto u = static_cast<std::size_t>(user);
        if (u < users_.size() && users_[u] >= 0) {
            frame(pending(users_[u]), text);
        }
    }

    std::string& pending(int fd) {
        client& c = clients_[static_cast<std::size_t>(fd)];
        if (c.slot < 0) {
            c.slot = static_cast<int>(used_);
            if (used_ == pending_.size()) {
                pending_.emplace_back();
            }
            pending_[used_].fd = fd;
            pending_[used_++].bytes.clear();
        }
        return pending_[static_cast<std::size_t>(c.slot)].bytes;
    }
    void append(int fd, std::string_view bytes) { pending(fd) += bytes; }

    void flush() {
        if (!redis_out_.empty()) {  // before the 101s of who has these subscriptions
            send_all(redis_, redis_out_);
            redis_out_.clear();
        }
        if (!broadcast_.empty()) {
            for (const int fd : opened_) {
                put(fd, broadcast_);
            }
            broadcast_.clear();
        }
        for (std::size_t i = 0; i < used_; ++i) {
            clients_[static_cast<std::size_t>(pending_[i].fd)].slot = -1;
            put(pending_[i].fd, pending_[i].bytes);
        }
        used_ = 0;
    }

    void put(int fd, std::string_view bytes) {
        client& c = clients_[static_cast<std::size_t>(fd)];
        if (c.rest) {
            *c.rest += bytes;
            return;
        }
        const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        const auto sent = static_cast<std::size_t>(n > 0 ? n : 0);
        const bool more = sent < bytes.size() && (n > 0 || errno == EAGAIN);
        if (more) {
            c.rest = std::make_unique<std::string>(bytes.substr(sent));
        }
        if (more != waiting_.contains(fd)) {
            epoll_event e{};
            e.events = EPOLLIN | (more ? EPOLLOUT : 0U);
            e.data.u64 = static_cast<unsigned>(fd);
            epoll_ctl(loop_, EPOLL_CTL_MOD, fd, &e);
            more ? static_cast<void>(waiting_.emplace(fd, true)) : static_cast<void>(waiting_.erase(fd));
        }
    }

    void end(int fd) {
        client& c = clients_[static_cast<std::size_t>(fd)];
        if (c.user >= 0) {
            int& owner = users_[static_cast<std::size_t>(c.user)];
            owner = owner == fd ? -1 : owner;
            std::erase(opened_, fd);
        }
        if (c.slot >= 0) {
            pending_[static_cast<std::size_t>(c.slot)].bytes.clear();
        }
        waiting_.erase(fd);
        c = {};
        close(fd);
    }

    /// Ten times a second its share of the clients, so that there is no burst.
    void beat() {
        std::uint64_t times = 0;
        if (read(timer_, &times, sizeof times) != sizeof times) {
            return;
        }
        due_ += static_cast<double>(opened_.size()) * 0.1 * static_cast<double>(times) / ping_;
        for (; due_ >= 1 && !opened_.empty(); due_ -= 1) {
            append(opened_[next_ping_++ % opened_.size()], std::string_view("\x89\0", 2));
        }
    }

    int loop_ = epoll_create1(0);
    int listener_, redis_ = -1, list_ = -1, timer_ = -1;
    std::uint16_t app_port_;
    double ping_, due_ = 0;
    std::size_t next_ping_ = 0;
    std::vector<client> clients_;  ///< by descriptor
    std::vector<int> users_;       ///< descriptors
    std::vector<int> opened_;
    std::vector<app_link> apps_;
    std::vector<write> pending_;
    std::size_t used_ = 0;
    std::map<int, bool> waiting_;  ///< for the kernel to take more
    std::string broadcast_, redis_out_, channel_in_, list_in_;
    std::vector<std::string_view> words_;
    std::vector<char> buffer_ = std::vector<char>(256 * 1024);
    const std::string pop_ = command({"BLMPOP", "0", "1", "wsidecar:outbox", "LEFT", "COUNT", "128"});
};

}  // namespace

int main(int argc, char** argv) {
    std::map<std::string, std::string> a{{"--app-port", "0"}, {"--list", "0"}, {"--ping", "0"}};
    for (int i = 1; i + 1 < argc; i += 2) {
        a[argv[i]] = argv[i + 1];
    }
    const auto port = [&](const char* name) { return static_cast<std::uint16_t>(std::atoi(a[name].c_str())); };
    server(port("--port"), port("--redis-port"), port("--app-port"), a["--list"] == "1", std::atof(a["--ping"].c_str())).run();
}
