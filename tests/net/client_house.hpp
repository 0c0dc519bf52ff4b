#pragma once

// A whole server with the real gateway between a pretended app and a pretended bus, and a raw client, all on one thread:
// the client's calls turn the server's loop while they wait.

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/core/gateway.hpp"
#include "sidecar/core/router.hpp"
#include "sidecar/net/server.hpp"
#include "tests/net/moved_time.hpp"

namespace wsidecar::net {

using namespace std::chrono_literals;

struct pretended_app final : core::app_port {
    std::function<core::app_answer(const core::app_request&)> reply = [](const core::app_request&) {
        return core::app_answer{core::app_failure::none, 200, {}, {}};
    };
    bool holding = false;  ///< answers wait in `held`
    std::vector<core::app_request> seen;
    std::deque<std::function<void()>> held;

    void send(core::app_request r, std::function<void(core::app_answer)> done) override {
        auto answer = reply(r);
        seen.push_back(std::move(r));
        if (holding) {
            held.push_back([done = std::move(done), answer = std::move(answer)] { done(answer); });
        } else {
            done(std::move(answer));
        }
    }
    bool accepting() const override { return true; }
    std::vector<std::string> bodies() const {
        std::vector<std::string> all;
        for (const auto& r : seen) {
            if (r.headers.find("ce-type: wsidecar.message") != std::string::npos) {
                all.push_back(r.body);
            }
        }
        return all;
    }
    const core::app_request* event(const std::string& type) const {
        for (const auto& r : seen) {
            if (r.headers.find("ce-type: wsidecar." + type + "\r\n") != std::string::npos) {
                return &r;
            }
        }
        return nullptr;
    }
};

struct pretended_bus final : core::bus_port {
    std::vector<std::pair<core::delivery_id, std::uint32_t>> settled_pushes;
    std::vector<core::delivery_id> lost_pushes;

    void announce(const core::registration&, std::function<void()> done) override { done(); }
    void enroll(const core::registration&, std::function<void(core::enroll_result)> done) override {
        done({core::enroll_outcome::done, 1, 0});
    }
    void retire(const core::registration&, std::function<void(std::optional<std::uint32_t>)> done) override { done(0); }
    void forget(const std::string&) override {}
    void bequeath(const core::lost_connection&) override {}
    void broadcast(const proto::envelope&) override {}
    void send_inbound(const std::string&, const std::string& channel, const std::string& list,
                      std::string_view payload) override {
        inbound.push_back({channel, list, std::string(payload)});
    }
    std::vector<std::vector<std::string>> inbound;
    void settled(core::delivery_id id, core::delivery_outcome o) override {
        settled_pushes.emplace_back(id, o.reached);
        if (!o.lost.empty() || o.dropped > 0) {
            lost_pushes.push_back(id);
        }
    }
    bool up() const override { return true; }
};

struct client_house {
    /// Whose time the server's timers go by.
    enum class time { moved_by_the_test, of_the_loop };

    boost::asio::io_context loop{1};
    moved_time moved;
    const time whose;
    timers clock;
    core::metrics metrics;
    config::config settings;
    pretended_app app;
    pretended_bus bus;
    passing pass;
    std::optional<core::gateway> gateway;
    std::optional<server> front;

    explicit client_house(time t = time::moved_by_the_test)
        : whose(t), clock(t == time::of_the_loop ? timers(loop) : timers(moved)) {
        settings.listen.address = "127.0.0.1:0";
        settings.outbox.confirm = "write";  // confirm_test.cpp is about the other
        settings.routes[0].path = "/ws/{room}";
    }
    ~client_house() {
        if (front) {
            front->stop();
        }
        turn(1ms);
    }

    config::route& route() { return settings.routes[0]; }

    void start() {
        const core::router routes(settings);
        gateway.emplace(settings, "pod-1", metrics, app, bus, clock, routes);
        front.emplace(loop, *gateway, metrics, clock, settings, routes, pass);
        front->start();
    }

    /// Lets the server work for about `d` of its time.
    void turn(std::chrono::milliseconds d = 5ms) {
        const auto end = clock.now() + d;
        const auto patience = std::chrono::steady_clock::now() + longest;
        while (clock.now() < end && std::chrono::steady_clock::now() < patience) {
            work(std::min(d, step));
        }
    }
    /// Lets it work until `f` holds; false when that takes more than `most` of its time.
    bool until(const std::function<bool()>& f, std::chrono::milliseconds most = 5s) {
        const auto end = clock.now() + most;
        const auto patience = std::chrono::steady_clock::now() + longest;
        while (!f()) {
            if (clock.now() > end || std::chrono::steady_clock::now() > patience) {
                return false;
            }
            work(step);
        }
        return true;
    }
    /// As long as there is something to do, no time passes. Then the kernel gets a moment: bytes may be on their way to the other end.
    void work(std::chrono::milliseconds d) {
        loop.restart();
        if (whose == time::of_the_loop) {
            loop.run_one_for(d);
        } else if (loop.poll() == 0 && loop.run_one_for(1ms) == 0) {
            moved.pass(d);
        }
    }
    static constexpr std::chrono::milliseconds step{10};
    static constexpr std::chrono::seconds longest{20};  ///< by the clock on the wall, whatever the test waits for

    double closes(const char* code, const char* cause) { return metrics.closes.at({code, cause}); }
    double handshakes(const char* result) { return metrics.handshakes.at({result}); }
};

/// What a server's frame held.
struct seen_frame {
    int opcode = -1;
    bool compressed = false;
    std::string payload;
    /// Of a close frame; 1005 without one.
    unsigned code() const {
        return payload.size() < 2 ? 1005U
                                  : (static_cast<unsigned char>(payload[0]) << 8U) | static_cast<unsigned char>(payload[1]);
    }
};

/// A client on a plain socket.
class raw_client {
public:
    explicit raw_client(client_house& h, int receive_buffer = 0, const char* from = nullptr)
        : house_(h), fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        if (receive_buffer > 0) {
            ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        }
        sockaddr_in a{};
        a.sin_family = AF_INET;
        if (from != nullptr) {
            ::inet_pton(AF_INET, from, &a.sin_addr);
            EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
        }
        a.sin_port = htons(h.front->endpoint().port());
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
        ::fcntl(fd_, F_SETFL, O_NONBLOCK);
        int on = 1;
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    ~raw_client() { close(); }
    raw_client(const raw_client&) = delete;
    raw_client& operator=(const raw_client&) = delete;

    void close() {
        if (fd_ >= 0) {
            ::close(fd_);
            fd_ = -1;
        }
    }
    void reset() {
        const linger l{1, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &l, sizeof l);
        close();
    }
    void end_sending() { ::shutdown(fd_, SHUT_WR); }

    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n > 0) {
                bytes.remove_prefix(static_cast<std::size_t>(n));
            } else if (errno != EAGAIN) {
                return;
            } else {
                house_.turn(1ms);
            }
        }
    }
    /// Takes what fits and comes back at once.
    std::size_t send_some(std::string_view bytes) {
        const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        return n > 0 ? static_cast<std::size_t>(n) : 0;
    }

    /// Reads until `f` says enough, the end, or 5 s.
    void read_until(const std::function<bool(const std::string&)>& f) {
        house_.until([&] {
            char buffer[16384];
            ssize_t n = 0;
            while (!ended_ && (n = ::recv(fd_, buffer, sizeof buffer, 0)) > 0) {
                in_.append(buffer, static_cast<std::size_t>(n));
            }
            ended_ = ended_ || n == 0 || (n < 0 && errno != EAGAIN);
            return ended_ || f(in_);
        });
    }
    /// The head of an answer; what follows stays to be read.
    std::string head() {
        read_until([](const std::string& s) { return s.find("\r\n\r\n") != std::string::npos; });
        const auto end = in_.find("\r\n\r\n");
        std::string h = in_.substr(0, end == std::string::npos ? end : end + 4);
        in_.erase(0, h.size());
        return h;
    }
    /// A whole answer of a server that closes.
    std::string answer() {
        read_until([](const std::string&) { return false; });
        return in_;
    }
    /// True once the server has ended the connection.
    bool ended() {
        read_until([](const std::string&) { return false; });
        return ended_;
    }
    int status() {
        const std::string h = head();
        return h.size() > 12 ? std::stoi(h.substr(9, 3)) : 0;
    }

    static std::string upgrade(const std::string& target, const std::string& more = {}) {
        return "GET " + target +
               " HTTP/1.1\r\nHost: shop.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
               more + "\r\n";
    }
    /// Upgrades; false unless 101.
    bool open(const std::string& target = "/ws/a", const std::string& more = {}) {
        send(upgrade(target, more));
        return status() == 101;
    }

    static std::string frame(int opcode, std::string_view payload, bool fin = true) {
        std::string f{static_cast<char>((fin ? 0x80 : 0) | opcode)};
        if (payload.size() < 126) {
            f += static_cast<char>(0x80 | payload.size());
        } else if (payload.size() < 65536) {
            f += static_cast<char>(0x80 | 126);
            f += static_cast<char>(payload.size() >> 8U);
            f += static_cast<char>(payload.size());
        } else {
            f += static_cast<char>(0x80 | 127);
            for (int i = 7; i >= 0; --i) {
                f += static_cast<char>(static_cast<std::uint64_t>(payload.size()) >> (8 * i));
            }
        }
        const std::string mask = "\x12\x34\x56\x78";
        f += mask;
        for (std::size_t i = 0; i < payload.size(); ++i) {
            f += static_cast<char>(payload[i] ^ mask[i % 4]);
        }
        return f;
    }
    static std::string close_body(unsigned code) { return {static_cast<char>(code >> 8U), static_cast<char>(code & 0xFFU)}; }
    void text(std::string_view s) { send(frame(1, s)); }

    /// The next frame; opcode -1 when none comes.
    seen_frame next() {
        read_until([](const std::string& s) { return frame_size(s) != 0; });
        const std::size_t size = frame_size(in_);
        if (size == 0) {
            return {};
        }
        seen_frame f;
        f.opcode = in_[0] & 0x0F;
        f.compressed = (in_[0] & 0x40) != 0;
        const auto length = static_cast<unsigned char>(in_[1]);
        f.payload = in_.substr(length < 126 ? 2 : length == 126 ? 4 : 10, std::string::npos);
        f.payload.resize(f.payload.size() - (in_.size() - size));
        in_.erase(0, size);
        return f;
    }
    int fd() const { return fd_; }

private:
    /// Of the first whole frame in `s`; 0: none yet.
    static std::size_t frame_size(const std::string& s) {
        if (s.size() < 2) {
            return 0;
        }
        const auto length = static_cast<unsigned char>(s[1]);
        const std::size_t header = length < 126 ? 2 : length == 126 ? 4 : 10;
        if (s.size() < header) {
            return 0;
        }
        std::size_t size = length < 126 ? length : 0;
        for (std::size_t i = 2; i < header; ++i) {
            size = size << 8U | static_cast<unsigned char>(s[i]);
        }
        return s.size() < header + size ? 0 : header + size;
    }

    client_house& house_;
    int fd_;
    bool ended_ = false;
    std::string in_;
};

}  // namespace wsidecar::net
