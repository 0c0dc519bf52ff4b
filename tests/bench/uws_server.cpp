// uWebSockets as a push server: topics u<N> and all, publishes by POST /pub?id=TOPIC, echo in the server.
// Built by scripts/bench from a checkout of uWebSockets; no part of the CMake project.

#include <cstdio>
#include <cstdlib>
#include <string>

#include "App.h"

struct connection {
    std::string user;
};

int main(int, char** argv) {
    const int port = std::atoi(argv[1]);
    uWS::App app;
    uWS::App::WebSocketBehavior<connection> sockets;
    sockets.compression = uWS::DISABLED;
    sockets.maxBackpressure = 1024 * 1024;  // as wsidecar's limits.queue
    sockets.idleTimeout = static_cast<unsigned short>(std::atoi(argv[2]));
    sockets.upgrade = [](auto* res, auto* req, auto* context) {
        res->template upgrade<connection>({std::string(req->getQuery("user"))}, req->getHeader("sec-websocket-key"),
                                          req->getHeader("sec-websocket-protocol"), req->getHeader("sec-websocket-extensions"),
                                          context);
    };
    sockets.open = [](auto* ws) {
        ws->subscribe("u" + ws->getUserData()->user);
        ws->subscribe("all");
    };
    sockets.message = [](auto* ws, std::string_view text, uWS::OpCode opcode) { ws->send(text, opcode); };
    app.ws<connection>("/ws", std::move(sockets))
        .post("/pub",
              [&app](auto* res, auto* req) {
                  res->onAborted([] {});
                  res->onData([&app, res, id = std::string(req->getQuery("id")), body = std::string()](std::string_view part,
                                                                                                       bool last) mutable {
                      body += part;
                      if (last) {
                          app.publish(id, body, uWS::TEXT);
                          res->end("");
                      }
                  });
              })
        .listen("127.0.0.1", port, [](auto* socket) {
            if (socket == nullptr) {
                std::fputs("uws_server: cannot listen\n", stderr);
                std::exit(1);
            }
        });
    app.run();
}
