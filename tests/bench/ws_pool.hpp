#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// Many WebSocket clients in one epoll loop: opens them, answers pings, hands out whole messages. Loopback only.
class ws_pool {
public:
    struct options {
        std::string host = "127.0.0.1";
        std::uint16_t port = 0;
        std::string path = "/ws/bench?user={i}";  ///< {i}: the connection's number; {g}: its group's, one of 100
        std::size_t connections = 1;
        std::size_t opening_at_once = 256;
        double per_second = 0;  ///< dials at an even pace; 0: as opening_at_once allows
        std::size_t cookie_bytes = 300;
        std::function<void(std::size_t)> on_start = nullptr;  ///< a dial begins
        std::function<void(std::size_t, std::string_view)> on_refused =
            nullptr;              ///< what was answered instead of 101; empty: nothing
        std::size_t redials = 0;  ///< of each, when its handshake is refused
    };
    using on_message = std::function<void(std::size_t connection, std::string_view payload)>;

    ws_pool(options o, on_message f);
    ~ws_pool();
    ws_pool(const ws_pool&) = delete;
    ws_pool& operator=(const ws_pool&) = delete;

    /// Opens all; false when any failed within `seconds`.
    bool open(double seconds);
    /// Sends a masked text frame.
    void send(std::size_t connection, std::string_view payload);
    /// It stays open and takes nothing more.
    void stop_reading(std::size_t connection);
    /// Handles what is ready, waiting at most `us` microseconds.
    void poll(std::int64_t us);

    std::size_t opened() const { return opened_; }
    std::size_t redialled() const { return redialled_; }
    std::size_t failed() const { return failed_; }
    std::size_t closed() const { return closed_; }
    int epoll() const { return epoll_; }

private:
    struct client {
        int fd = -1;
        bool upgraded = false;
        bool told = false;  ///< on_refused has run
        std::uint8_t redials = 0;
        std::string in;   ///< partial input only
        std::string out;  ///< what the kernel did not take
    };
    void start(std::size_t i);
    void readable(std::size_t i);
    void flush(std::size_t i);
    void consume(std::size_t i, std::string_view data);
    std::size_t frames(std::size_t i, std::string_view data);
    void write(std::size_t i, std::string_view bytes);
    void drop(std::size_t i);
    std::string request(std::size_t i) const;

    options options_;
    on_message on_message_;
    std::vector<client> clients_;
    std::vector<char> buffer_;
    int epoll_ = -1;
    std::size_t next_ = 0;
    std::size_t opening_ = 0;
    std::size_t opened_ = 0;
    std::size_t redialled_ = 0;
    std::size_t failed_ = 0;
    std::size_t closed_ = 0;
};

std::uint64_t now_us();

}  // namespace bench
