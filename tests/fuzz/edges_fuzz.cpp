// The whole program between clients that say anything, operators and a relay that say anything, and an app that answers anything.
// It runs for the whole life of the fuzzer, without Redis, in a thread of its own; each input makes a few connections to it.
//
// The input is cut at bytes 0xFF; the first byte of a piece says where the rest of it goes: 'A' is the app's next answer, 'h' a
// client's bytes as they are, 'w' behind a WebSocket handshake, 's' behind one of STOMP, 'f' the first byte and the payload of one
// WebSocket frame, 'm' frames of a STOMP client that is connected (each ends with NUL), 'j' the body of a SockJS xhr_send, 'x' the
// path and more of a SockJS request, 'e' the headers of a request for an event stream, 'p' a passed request's path and more, 't' a
// tunnelled upgrade, 'r' the relay's port, 'a' the admin port. 'f' and 'm' are there because the fuzzer cannot mask a message that it has
// changed. What must hold: the program lives, nothing that a sanitizer sees, and /livez answers now and then.

#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <poll.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "config/load.hpp"
#include "sidecar/app/application.hpp"

namespace {

using namespace wsidecar;

void expect(bool holds) {
    if (!holds) {
        __builtin_trap();
    }
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

int listening(std::uint16_t& port) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    auto at = loopback(0);
    socklen_t size = sizeof at;
    expect(bind(fd, reinterpret_cast<sockaddr*>(&at), size) == 0 && listen(fd, 64) == 0);
    expect(getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0);
    port = ntohs(at.sin_port);
    return fd;
}

std::uint16_t free_port() {
    std::uint16_t port = 0;
    close(listening(port));
    return port;
}

/// What comes until there is silence for `patience` milliseconds; the first byte may take `first`.
std::string receive(int fd, int patience, int first) {
    constexpr std::size_t most = 65536;
    std::string all;
    pollfd p{fd, POLLIN, 0};
    std::array<char, 16384> buffer{};
    while (all.size() < most && poll(&p, 1, all.empty() ? first : patience) == 1) {
        const ssize_t n = recv(fd, buffer.data(), buffer.size(), 0);
        if (n <= 0) {
            break;
        }
        all.append(buffer.data(), static_cast<std::size_t>(n));
    }
    return all;
}

/// A client's frame with a mask of zeros.
std::string frame(unsigned char first, std::string_view payload) {
    const auto byte = [&](std::size_t shift) { return static_cast<char>(payload.size() >> shift & 0xFFU); };
    std::string out(1, static_cast<char>(first));
    if (payload.size() < 126) {
        out += static_cast<char>(0x80U | payload.size());
    } else {
        out.append(1, '\xfe').append(1, byte(8)).append(1, byte(0));  // libFuzzer's inputs are smaller than 64 KiB
    }
    return out.append(4, '\0').append(payload.substr(0, 65535));
}

/// Each STOMP frame of these, up to its NUL, as a message.
std::string stomp_messages(std::string_view frames) {
    std::string out = frame(0x81, std::string_view("CONNECT\naccept-version:1.2\nhost:a\n\n\0", 36));
    while (!frames.empty()) {
        const auto one = frames.substr(0, frames.find('\0') == frames.npos ? frames.npos : frames.find('\0') + 1);
        out += frame(0x81, one);
        frames.remove_prefix(one.size());
    }
    return out;
}

/// Speaks and hangs up; returns what was answered.
std::string say(std::uint16_t port, std::string_view bytes, int patience, int first) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const auto at = loopback(port);
    std::string answer;
    if (connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0) {
        send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        answer = receive(fd, patience, first);
    }
    close(fd);
    return answer;
}

struct stage {
    std::uint16_t app_port = 0;
    std::uint16_t clients = free_port();
    std::uint16_t admin = free_port();
    std::uint16_t relay = free_port();
    std::mutex lock;
    std::string answer;  ///< the app's, whatever it is asked
    std::size_t inputs = 0;

    stage() {
        // The program never ends by itself: it must not run on while what is static is taken down.
        std::atexit([] {
            std::fflush(nullptr);
            std::_Exit(0);
        });
        const int app = listening(app_port);
        std::thread([this, app] { serve(app); }).detach();
        const auto on = [](std::uint16_t port) { return "\"127.0.0.1:" + std::to_string(port) + "\"\n"; };
        const std::string yaml = "listen: {address: " + on(clients) + "}\nadmin: {address: " + on(admin) +
                                 "}\nrelay: {address: " + on(relay) +
                                 "}\napp: {url: \"http://127.0.0.1:" + std::to_string(app_port) +
                                 "\", timeout: 200ms, retry: {deadline: 300ms, down_deadline: 300ms}}\n"
                                 "redis: {url: none}\nhttp: pass\npass: {timeout: 200ms}\nlog: {level: error}\norigins: \"*\"\n"
                                 "limits: {handshake: 500ms, message_time: 500ms}\nping: 1s\npong_timeout: 500ms\n"
                                 "routes:\n  - {path: \"/ws/{v}\", event_path: \"/e/{v}/{event}\", sse: true, deflate: true}\n"
                                 "  - {path: /stomp, protocol: stomp, sockjs: true, broadcast: true, limits: {first_frame: "
                                 "500ms}}\n  - {path: /sock, protocol: sockjs}\n";
        auto loaded = config::load_text(yaml, "edges");
        for (const auto& c : loaded.complaints) {
            std::fprintf(stderr, "%s\n", c.text().c_str());
        }
        expect(loaded.complaints.empty());
        std::thread([values = std::move(loaded.values)]() mutable {
            app::application program(std::move(values));
            std::_Exit(program.run() == 0 ? 1 : 2);  // it does not end by itself
        }).detach();
        for (int i = 0; i < 500 && !alive(); ++i) {
            usleep(10'000);
        }
        expect(alive());
    }

    bool alive() const {
        return say(admin, "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 1000, 1000)
            .starts_with("HTTP/1.1 200");
    }

    [[noreturn]] void serve(int app) {
        for (;;) {
            const int fd = accept(app, nullptr, nullptr);
            receive(fd, 0, 2);
            std::string bytes;
            {
                const std::lock_guard held(lock);
                bytes = answer;
            }
            send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            close(fd);
        }
    }

    void play(std::string_view piece) {
        const char to = piece.front();
        piece.remove_prefix(1);
        const std::string rest(piece);
        const auto upgrade = [](std::string_view path, std::string_view more) {
            return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
                   std::string(more) + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        };
        switch (to) {
            case 'A': {
                const std::lock_guard held(lock);
                answer = rest;
                break;
            }
            case 'h': say(clients, rest, 2, 25); break;
            case 'w': say(clients, upgrade("/ws/1", "Sec-WebSocket-Extensions: permessage-deflate\r\n") + rest, 2, 25); break;
            case 's': say(clients, upgrade("/stomp", "Sec-WebSocket-Protocol: v12.stomp\r\n") + rest, 2, 25); break;
            case 'f':
                say(clients,
                    upgrade("/ws/1", "Sec-WebSocket-Extensions: permessage-deflate\r\n") +
                        frame(rest.empty() ? 0x81 : static_cast<unsigned char>(rest.front()),
                              std::string_view(rest).substr(rest.empty() ? 0 : 1)),
                    2, 25);
                break;
            case 'm':
                say(clients, upgrade("/stomp", "Sec-WebSocket-Protocol: v12.stomp\r\n") + stomp_messages(rest), 2, 25);
                break;
            case 't': say(clients, upgrade("/own", "") + rest, 2, 25); break;
            case 'j': {
                say(clients, "POST /sock/000/session/xhr HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 2, 25);
                say(clients,
                    "POST /sock/000/session/xhr_send HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(rest.size()) +
                        "\r\n\r\n" + rest,
                    2, 25);
                break;
            }
            case 'x': say(clients, "POST /sock/" + rest + "\r\n\r\n", 2, 25); break;
            case 'e':
                say(clients, "GET /ws/1 HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n" + rest + "\r\n\r\n", 2, 25);
                break;
            case 'p': say(clients, "POST /" + rest, 2, 25); break;
            case 'r': say(relay, rest, 2, 25); break;
            case 'a': say(admin, rest, 2, 25); break;
            default: break;
        }
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static stage& world = *new stage;
    std::string_view left(reinterpret_cast<const char*>(data), size);
    for (int pieces = 0; !left.empty() && pieces < 8; ++pieces) {
        const auto end = left.find('\xff');
        if (end != 0) {
            world.play(left.substr(0, end));
        }
        left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
    }
    if (++world.inputs % 64 == 0) {
        expect(world.alive());
    }
    return 0;
}
