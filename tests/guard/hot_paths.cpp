// The hot paths with nothing but their own work inside: real sockets and gateway, a pretended app and Redis.
// instructions.py runs it under callgrind, which counts what happens inside hot_path() and nowhere else.

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <span>

#include "proto/envelope.hpp"
#include "sidecar/net/http_reader.hpp"
#include "tests/net/client_house.hpp"

using namespace wsidecar;

namespace {

struct house : net::client_house {
    explicit house(int connections, std::vector<std::string> events = {"message"}) : client_house(time::of_the_loop) {
        route().user = "{room}";
        route().events = std::move(events);
        start();
        for (int i = 0; i < connections; ++i) {
            clients.push_back(std::make_unique<net::raw_client>(*this));
            if (!clients.back()->open("/ws/user-" + std::to_string(i))) {
                std::fprintf(stderr, "connection %d did not open\n", i);
                std::exit(1);
            }
        }
        turn(std::chrono::milliseconds(20));
    }
    void work() {
        loop.restart();
        loop.poll();
    }
    std::vector<std::unique_ptr<net::raw_client>> clients;
};

const std::string payload(64, 'x');

proto::envelope push_to(proto::addresses to) {
    proto::envelope e;
    e.to = std::move(to);
    e.kind = proto::payload_kind::text;
    e.payload = payload;
    return e;
}

std::string user(int i) {
    return "user-" + std::to_string(i);
}

/// Prepares once; the result does `n` operations each time it is called.
using scenario = std::function<std::function<void()>(long n)>;

const std::map<std::string, scenario> scenarios{
    {"fan-out, per delivery",
     [](long n) {
         auto h = std::make_shared<house>(100);
         return [=] {
             proto::addresses all;
             all.all = true;
             for (long i = 0; i < n / 100; ++i) {
                 h->gateway->on_push(push_to(all), {});
                 h->work();
             }
         };
     }},
    {"unicast by channel, per push",
     [](long n) {
         auto h = std::make_shared<house>(100);
         return [=] {
             for (long i = 0; i < n; ++i) {
                 proto::addresses to;
                 to.users.push_back(user(static_cast<int>(i % 100)));
                 h->gateway->on_push(push_to(std::move(to)), {});
                 if (i % 50 == 49) {
                     h->work();
                 }
             }
         };
     }},
    {"list push, decoded, delivered and confirmed",
     [](long n) {
         auto h = std::make_shared<house>(100);
         std::vector<std::string> entries;
         for (long i = 0; i < n; ++i) {
             entries.push_back(R"({"id":"push-)" + std::to_string(i) + R"(","to":{"user":")" + user(static_cast<int>(i % 100)) +
                               R"("},"text":")" + payload + R"("})");
         }
         return [=] {
             for (std::size_t i = 0; i < entries.size(); ++i) {
                 auto items = proto::decode_envelopes(entries[i], true);
                 core::push_origin from;
                 from.id = core::first_delivery_id + i;
                 h->gateway->on_push(*items.at(0).value, from);
                 if (i % 50 == 49) {
                     h->work();
                 }
             }
             if (h->bus.settled_pushes.size() != entries.size()) {
                 std::abort();
             }
         };
     }},
    {"inbound message to event and back",
     [](long n) {
         auto h = std::make_shared<house>(50);
         h->app.reply = [](const core::app_request& r) {
             return core::app_answer{core::app_failure::none, 200, {{"Content-Type", "text/plain"}}, r.body};
         };
         const std::string frame = net::raw_client::frame(1, payload);
         return [=] {
             for (long i = 0; i < n / 50; ++i) {
                 for (auto& c : h->clients) {
                     if (c->send_some(frame) != frame.size()) {
                         std::abort();
                     }
                 }
                 h->work();
             }
             if (h->metrics.delivered.at({"answer"}) != static_cast<double>(n)) {
                 std::abort();
             }
         };
     }},
    {"opening with a connect event, without Redis",
     [](long n) {
         auto h = std::make_shared<house>(0, std::vector<std::string>{"connect", "message", "disconnect"});
         const std::string more =
             "Origin: http://shop.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\n"
             "Accept-Language: en-US,en;q=0.9\r\nAccept-Encoding: gzip, deflate\r\nCache-Control: no-cache\r\nCookie: "
             "session=" +
             std::string(292, 'c') + "\r\n";
         return [=] {
             for (long i = 0; i < n; ++i) {
                 h->clients.push_back(std::make_unique<net::raw_client>(*h));
                 const std::string request = net::raw_client::upgrade("/ws/" + user(static_cast<int>(i)), more);
                 if (h->clients.back()->send_some(request) != request.size()) {
                     std::abort();
                 }
                 if (i % 50 == 49) {
                     h->work();
                 }
             }
             if (h->handshakes("accepted") != static_cast<double>(n)) {
                 std::abort();
             }
         };
     }},
    {"answer of the app, parsed",
     [](long n) {
         const std::string answer =
             "HTTP/1.1 200 OK\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: 64\r\n"
             "Date: Sat, 21 Nov 2026 14:00:00 GMT\r\nKeep-Alive: timeout=60\r\nConnection: keep-alive\r\n\r\n" +
             payload;
         return [=] {
             for (long i = 0; i < n; ++i) {
                 net::answer_reader reader(net::answer_reader::limits{64 * 1024, 1024 * 1024});
                 boost::system::error_code ec;
                 reader.feed(answer.data(), answer.size(), ec);
                 if (ec || !reader.done()) {
                     std::abort();
                 }
             }
         };
     }},
};

}  // namespace

extern "C" [[gnu::noinline]] void hot_path(const std::function<void()>& run) {
    run();
}

int main(int argc, char** argv) {
    if (argc == 1) {
        for (const auto& [name, unused] : scenarios) {
            std::puts(name.c_str());
        }
        return 0;
    }
    const auto found = scenarios.find(argv[1]);
    if (argc != 3 || found == scenarios.end()) {
        std::fputs("hot_paths [NAME COUNT]\n", stderr);
        return 2;
    }
    hot_path(found->second(std::atol(argv[2])));
    std::fflush(nullptr);
    std::_Exit(0);
}
