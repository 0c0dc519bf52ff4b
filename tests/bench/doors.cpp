#include "tests/bench/doors.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace bench {

namespace {

int connected(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
        return -1;
    }
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

class redis_door : public door {
public:
    redis_door(int fd, const options& o) : door(fd), prefix_(o.prefix), all_(o.prefix + o.all), list_(o.kind == "list") {}

    void to_all(std::string_view m) override { command("PUBLISH", all_, m); }
    void to_user(std::size_t user, std::string_view m) override {
        if (list_) {
            command("RPUSH", prefix_ + "outbox",
                    R"({"to":{"user":")" + std::to_string(user) + R"("},"text":")" + std::string(m) + R"("})");
        } else {
            command("PUBLISH", prefix_ + "user:" + std::to_string(user), m);
        }
    }

private:
    void command(std::string_view name, std::string_view key, std::string_view value) {
        out_ += "*3";
        for (const std::string_view word : {name, key, value}) {
            out_ += "\r\n$" + std::to_string(word.size()) + "\r\n";
            out_ += word;
        }
        out_ += "\r\n";
    }
    std::size_t answers(std::string_view in) override {  // integers, or one line of an error
        std::size_t at = 0;
        for (auto end = in.find("\r\n"); end != std::string_view::npos; end = in.find("\r\n", at)) {
            refused_ += in[at] == '-' ? 1 : 0;
            at = end + 2;
        }
        return at;
    }

    std::string prefix_, all_;
    bool list_;
};

class http_door : public door {
public:
    explicit http_door(int fd) : door(fd) {}

    void to_all(std::string_view m) override { post("all", m); }
    void to_user(std::size_t user, std::string_view m) override { post("u" + std::to_string(user), m); }

private:
    void post(const std::string& id, std::string_view m) {
        out_ += "POST /pub?id=" + id +
                " HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(m.size()) + "\r\n\r\n";
        out_ += m;
    }
    std::size_t answers(std::string_view in) override {
        std::size_t at = 0;
        for (;;) {
            const auto head = in.find("\r\n\r\n", at);
            if (head == std::string_view::npos) {
                return at;
            }
            std::size_t length = 0;
            if (const auto l = in.find("Content-Length: ", at); l < head) {
                length = static_cast<std::size_t>(std::atoll(in.data() + l + 16));
            }
            if (in.size() < head + 4 + length) {
                return at;
            }
            refused_ += in[at + 9] == '2' ? 0 : 1;
            at = head + 4 + length;
        }
    }
};

/// ZeroMQ's wire protocol (ZMTP 3.0, no security) as far as a PUSH socket needs it.
class pushpin_door : public door {
public:
    explicit pushpin_door(int fd) : door(fd) {
        std::string greeting("\xFF\0\0\0\0\0\0\0\x01\x7F\x03\0NULL", 16);
        greeting.resize(64, '\0');
        using namespace std::string_literals;
        const std::string ready = "\x05READY\x0BSocket-Type\0\0\0\x04PUSH"s;
        // libzmq loses what comes in one piece with the greeting.
        send(fd, greeting.data(), greeting.size(), MSG_NOSIGNAL);
        recv(fd, greeting.data(), greeting.size(), MSG_WAITALL);
        out_ = '\x04';
        out_ += static_cast<char>(ready.size());
        out_ += ready;
    }

    void to_all(std::string_view m) override { push("all", m); }
    void to_user(std::size_t user, std::string_view m) override { push("u" + std::to_string(user), m); }

private:
    void push(const std::string& channel, std::string_view m) {
        const std::string body =
            R"(J{"channel":")" + channel + R"(","formats":{"ws-message":{"content":")" + std::string(m) + R"("}}})";
        if (body.size() < 256) {
            out_ += '\0';
        } else {
            out_ += '\x02';
            for (int shift = 56; shift > 0; shift -= 8) {
                out_ += static_cast<char>(body.size() >> static_cast<unsigned>(shift));
            }
        }
        out_ += static_cast<char>(body.size());
        out_ += body;
    }
    std::size_t answers(std::string_view in) override { return in.size(); }  // the peer's greeting; a PUSH socket gets no more
};

}  // namespace

std::unique_ptr<door> door::open(const options& o) {
    const int fd = connected(o.port);
    if (fd < 0) {
        return nullptr;
    }
    if (o.kind == "http") {
        return std::make_unique<http_door>(fd);
    }
    if (o.kind == "pushpin") {
        return std::make_unique<pushpin_door>(fd);
    }
    if (o.kind == "redis" || o.kind == "list") {
        return std::make_unique<redis_door>(fd, o);
    }
    close(fd);
    return nullptr;
}

door::~door() {
    close(fd_);
}

void door::flush() {
    for (std::size_t sent = 0; sent < out_.size();) {
        const ssize_t n = send(fd_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
        if (n <= 0) {
            std::perror("the door is closed");
            std::exit(1);
        }
        sent += static_cast<std::size_t>(n);
    }
    out_.clear();
    std::array<char, 65536> buffer;
    for (;;) {
        const ssize_t n = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (n <= 0) {
            if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
                std::fputs("the door is closed\n", stderr);
                std::exit(1);
            }
            return;
        }
        in_.append(buffer.data(), static_cast<std::size_t>(n));
        in_.erase(0, answers(in_));
    }
}

}  // namespace bench
