#include "sidecar/net/tunnel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/net/pass_house.hpp"

namespace wsidecar::net {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using namespace wsidecar::net::testing;

const std::string upgrade =
    "GET /old/ws HTTP/1.1\r\nHost: shop.example\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nws-user: root\r\n\r\n";
const std::string switching =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n";

struct Tunnel : public ::testing::Test, public pass_house {
    std::string head;
    std::string raw;
    bool raw_ended = false;
    fault_peer* peer = nullptr;

    void SetUp() override { tunnels = true; }
    void echo() {
        serve([this](fault_peer& p, const std::string& h, const std::string&) {
            head = h;
            peer = &p;
            p.send(switching);
            p.upgrade([this](fault_peer& q, std::string bytes) {
                raw_ended = raw_ended || bytes.empty();
                raw += bytes;
                q.send(bytes);
            });
        });
    }
};

TEST_F(Tunnel, RelaysBytesBothWaysAfterThe101) {
    echo();
    auto c = connect();
    c->send(upgrade + "early");
    EXPECT_TRUE(until([&] { return c->got.ends_with("early"); }));
    EXPECT_THAT(c->got, StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
    EXPECT_THAT(c->got, HasSubstr("Upgrade: websocket\r\n"));
    EXPECT_THAT(c->got, HasSubstr("Connection: Upgrade\r\n"));
    EXPECT_THAT(head, HasSubstr("Connection: Upgrade\r\n"));
    EXPECT_THAT(head, HasSubstr("Upgrade: websocket\r\n"));
    EXPECT_THAT(head, HasSubstr("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
    EXPECT_THAT(head, Not(HasSubstr("ws-user")));
    EXPECT_EQ(pass->tunnels(), 1U);
    EXPECT_EQ(metrics.tunnels.at({"open"}), 1);
    c->send("more");
    EXPECT_TRUE(until([&] { return c->got.ends_with("earlymore"); }));
}

TEST_F(Tunnel, RelaysMuchWithoutLosingAByte) {
    echo();
    auto c = connect();
    c->send(upgrade);
    EXPECT_TRUE(until([&] { return c->got.ends_with("\r\n\r\n"); }));
    c->got.clear();
    std::string all;
    c->socket.non_blocking(true);
    std::string rest;
    const bool done = until([&] {
        if (rest.empty() && all.size() < 3'000'000) {
            rest = std::string(50'000, static_cast<char>('a' + all.size() / 50'000 % 26));
            all += rest;
        }
        boost::system::error_code ec;
        rest.erase(0, c->socket.write_some(asio::buffer(rest), ec));
        return all.size() >= 3'000'000 && rest.empty() && c->got.size() == all.size();
    });
    EXPECT_TRUE(done);
    EXPECT_EQ(c->got, all);
}

TEST_F(Tunnel, TellsTheAppThatTheClientEnded) {
    echo();
    auto c = connect();
    c->send(upgrade + "bye");
    EXPECT_TRUE(until([&] { return c->got.ends_with("bye"); }));
    c->socket.shutdown(tcp_socket::shutdown_send);
    EXPECT_TRUE(until([&] { return raw_ended; }));
    peer->send("last words");
    EXPECT_TRUE(until([&] { return c->got.ends_with("last words"); }));
    peer->end_output();
    EXPECT_TRUE(until([&] { return c->ended && pass->tunnels() == 0; }));
}

TEST_F(Tunnel, TellsTheClientThatTheAppEnded) {
    echo();
    auto c = connect();
    c->send(upgrade);
    EXPECT_TRUE(until([&] { return c->got.ends_with("\r\n\r\n"); }));
    peer->send("bye");
    peer->end_output();
    EXPECT_TRUE(until([&] { return c->ended; }));
    EXPECT_THAT(c->got, EndsWith("bye"));
    EXPECT_EQ(pass->tunnels(), 1U);
    c->socket.close();
    EXPECT_TRUE(until([&] { return pass->tunnels() == 0; }));
}

TEST_F(Tunnel, ABrokenSideEndsTheOther) {
    echo();
    auto c = connect();
    c->send(upgrade);
    EXPECT_TRUE(until([&] { return c->got.ends_with("\r\n\r\n"); }));
    peer->reset();
    EXPECT_TRUE(until([&] { return c->ended && pass->tunnels() == 0; }));
}

TEST_F(Tunnel, ADrainClosesIt) {
    echo();
    auto c = connect();
    c->send(upgrade);
    EXPECT_TRUE(until([&] { return pass->tunnels() == 1; }));
    pass->close_tunnels();
    EXPECT_TRUE(until([&] { return c->ended && peer->gone && pass->tunnels() == 0; }));
    EXPECT_EQ(metrics.tunnels.at({"open"}), 1);
}

TEST_F(Tunnel, AnotherAnswerIsRelayedAndTheConnectionClosed) {
    serve([](fault_peer& p, const std::string&, const std::string&) {
        p.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    });
    auto c = connect();
    c->send(upgrade);
    EXPECT_TRUE(until([&] { return c->ended; }));
    EXPECT_EQ(c->got, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
    EXPECT_EQ(metrics.tunnels.at({"refused"}), 1);
}

TEST_F(Tunnel, AnAppThatIsAwayIs502) {
    echo();
    app->close();
    auto c = connect();
    c->send(upgrade);
    EXPECT_TRUE(until([&] { return c->ended; }));
    EXPECT_THAT(c->got, StartsWith("HTTP/1.1 502 "));
    EXPECT_EQ(metrics.tunnels.at({"unreached"}), 1);
}

TEST_F(Tunnel, AnIdleTunnelStaysOpen) {
    options.timeout = 50ms;
    options.stall = 50ms;
    echo();
    auto c = connect();
    c->send(upgrade);
    EXPECT_TRUE(until([&] { return pass->tunnels() == 1; }));
    run_until(
        loop, [] { return false; }, 250ms);
    c->send("still");
    EXPECT_TRUE(until([&] { return c->got.ends_with("still"); }));
}

}  // namespace
}  // namespace wsidecar::net
