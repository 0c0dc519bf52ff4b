#include "tests/bench/limit_wire.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

namespace limit {

namespace {

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

}  // namespace

void no_delay(int fd) {
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

int listening(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    const sockaddr_in at = loopback(port);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 || listen(fd, 4096) != 0) {
        fail("limit: listen");
    }
    return fd;
}

int connected(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in to = loopback(port);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
        fail("limit: connect");
    }
    no_delay(fd);
    return fd;
}

void send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) {
            fail("limit: send");
        }
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

std::string command(std::initializer_list<std::string> words) {
    std::string out = "*" + std::to_string(words.size()) + "\r\n";
    for (const auto& w : words) {
        out += "$" + std::to_string(w.size()) + "\r\n" + w + "\r\n";
    }
    return out;
}

bool reply(std::string_view in, std::size_t& at, std::vector<std::string_view>& words) {
    for (long left = 1; left > 0; --left) {
        const auto end = in.find('\n', at);
        if (end == std::string_view::npos) {
            return false;
        }
        const char type = in[at];
        const long number = std::atol(in.data() + at + 1);
        at = end + 1;
        if (type == '*') {
            left += number > 0 ? number : 0;
        } else if (type == '$' && number >= 0) {
            if (in.size() < at + static_cast<std::size_t>(number) + 2) {
                return false;
            }
            words.push_back(in.substr(at, static_cast<std::size_t>(number)));
            at += static_cast<std::size_t>(number) + 2;
        }
    }
    return true;
}

std::string switching_protocols(std::string_view head) {
    constexpr std::string_view name = "Sec-WebSocket-Key: ";
    const auto at = head.find(name);
    const std::string key = std::string(at == std::string_view::npos ? "" : head.substr(at + name.size(), 24)) +
                            "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
    SHA1(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest.data());
    std::array<unsigned char, 32> accept{};
    EVP_EncodeBlock(accept.data(), digest.data(), digest.size());
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
           std::string(reinterpret_cast<const char*>(accept.data())) + "\r\n\r\n";
}

void frame(std::string& out, std::string_view text) {
    out += '\x81';
    if (text.size() < 126) {
        out += static_cast<char>(text.size());
    } else {
        out += '\x7E';
        out += static_cast<char>(text.size() >> 8U);
        out += static_cast<char>(text.size() & 0xFFU);
    }
    out += text;
}

}  // namespace limit
