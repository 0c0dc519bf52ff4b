// The app of the benchmarks: the cheapest HTTP/1.1 keep-alive server that can answer events. Prints its port.
// Connect: user from the query (?user=N), one group. Message: the body back. Everything else: 204.
// The same for Pushpin, which asks in WebSocket-over-HTTP: the channels u<N> and all; TEXT comes back.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <unordered_map>

namespace {

std::string user_of(std::string_view head) {
    const auto at = head.find("user=");
    return at == std::string_view::npos ? "0" : std::string(head.substr(at + 5, head.find_first_of(" &", at) - at - 5));
}

void event(std::string& out, std::string_view text) {
    char size[24];
    std::snprintf(size, sizeof size, "TEXT %zX\r\n", text.size());
    out += size;
    out += text;
    out += "\r\n";
}

/// The events in a body: a name, for those with content its size in hex and the content.
std::string websocket_events(std::string_view head, std::string_view body) {
    std::string out;
    while (!body.empty()) {
        const auto end = body.find("\r\n");
        const std::string line(body.substr(0, end));
        body.remove_prefix(end == std::string_view::npos ? body.size() : end + 2);
        std::string_view text;
        if (const auto space = line.find(' '); space != std::string::npos) {
            text = body.substr(0, std::strtoull(line.c_str() + space, nullptr, 16));
            body.remove_prefix(std::min(body.size(), text.size() + 2));
        }
        if (line == "OPEN") {
            out += "OPEN\r\n";
            for (const auto& channel : {"u" + user_of(head), std::string("all")}) {
                event(out, R"(c:{"type":"subscribe","channel":")" + channel + R"("})");
            }
        } else if (line.starts_with("TEXT ")) {
            event(out, text);
        }
    }
    return "HTTP/1.1 200 OK\r\nContent-Type: application/websocket-events\r\nSec-WebSocket-Extensions: grip; "
           "message-prefix=\"\"\r\n"
           "Content-Length: " +
           std::to_string(out.size()) + "\r\n\r\n" + out;
}

std::string answer(std::string_view head, std::string_view body) {
    const auto has = [&](std::string_view what) { return head.find(what) != std::string_view::npos; };
    if (has("ce-type: wsidecar.connect")) {
        const std::string user = user_of(head);
        return "HTTP/1.1 204 No Content\r\nWs-User: " + user + "\r\nWs-Join: room-" +
               std::to_string(std::atoi(user.c_str()) % 100) + "\r\n\r\n";
    }
    if (has("application/websocket-events")) {
        return websocket_events(head, body);
    }
    // The direct calls of the comparison carry no ce-type: they are echoed as well.
    if (has("ce-type: wsidecar.message") || !has("ce-type")) {
        return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
               std::string(body);
    }
    return "HTTP/1.1 204 No Content\r\n\r\n";
}

/// Answers the complete requests at the front of `in`; false to hang up.
bool serve(int fd, std::string& in) {
    std::string out;
    for (;;) {
        const auto end = in.find("\r\n\r\n");
        if (end == std::string::npos) {
            break;
        }
        const std::string_view head(in.data(), end + 4);
        std::size_t length = 0;
        if (const auto at = head.find("Content-Length: "); at != std::string_view::npos) {
            length = static_cast<std::size_t>(std::atoll(head.data() + at + 16));
        }
        if (in.size() < end + 4 + length) {
            break;
        }
        out += answer(head, {in.data() + end + 4, length});
        in.erase(0, end + 4 + length);
    }
    return out.empty() || send(fd, out.data(), out.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(out.size());
}

}  // namespace

int main() {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (bind(listener, reinterpret_cast<sockaddr*>(&at), size) != 0 || listen(listener, 1024) != 0) {
        return 1;
    }
    getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size);
    std::cout << ntohs(at.sin_port) << std::endl;

    const int loop = epoll_create1(0);
    epoll_event e{};
    e.events = EPOLLIN;
    e.data.fd = listener;
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &e);
    std::unordered_map<int, std::string> pending;
    std::array<epoll_event, 256> events;
    std::array<char, 65536> buffer;
    for (;;) {
        const int n = epoll_wait(loop, events.data(), events.size(), -1);
        for (int k = 0; k < n; ++k) {
            const int fd = events[static_cast<std::size_t>(k)].data.fd;
            if (fd == listener) {
                const int c = accept(listener, nullptr, nullptr);
                const int one = 1;
                setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                e.data.fd = c;
                epoll_ctl(loop, EPOLL_CTL_ADD, c, &e);
                continue;
            }
            const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
            if (got <= 0 || !serve(fd, pending[fd].append(buffer.data(), static_cast<std::size_t>(got)))) {
                pending.erase(fd);
                close(fd);
            }
        }
    }
}
