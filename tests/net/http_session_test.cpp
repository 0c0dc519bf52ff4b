#include "sidecar/net/http_session.hpp"

#include "tests/net/client_house.hpp"

namespace wsidecar::net {
namespace {

struct HttpSession : testing::Test, client_house {
    int status_of(const std::string& request) {
        raw_client c(*this);
        c.send(request);
        const std::string all = c.answer();
        EXPECT_TRUE(all.empty() || all.find("close\r\n") != std::string::npos) << all;
        return all.size() > 12 ? std::stoi(all.substr(9, 3)) : 0;
    }
    std::string upgraded(const std::string& target, const std::string& more = {}) {
        raw_client c(*this);
        c.send(raw_client::upgrade(target, more));
        return c.head();
    }
};

TEST_F(HttpSession, TheAnswerToAnUpgradeIsThatOfTheRfc) {
    start();
    raw_client c(*this);
    c.send(raw_client::upgrade("/ws/a?token=1"));
    const std::string head = c.head();
    EXPECT_EQ(head.substr(0, 12), "HTTP/1.1 101");
    EXPECT_NE(head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), std::string::npos);
    ASSERT_EQ(app.seen.size(), 1U);
    EXPECT_EQ(app.seen[0].target, "/ws/a?token=1");
    EXPECT_EQ(app.seen[0].host, "shop.example");
    EXPECT_NE(app.seen[0].headers.find("X-Forwarded-For: 127.0.0.1\r\n"), std::string::npos);
    EXPECT_EQ(handshakes("accepted"), 1);
}

TEST_F(HttpSession, AHeadMayComeByteByByte) {
    start();
    raw_client c(*this);
    for (const char b : raw_client::upgrade("/ws/a")) {
        c.send(std::string_view(&b, 1));
        turn(1ms);
    }
    EXPECT_EQ(c.status(), 101);
}

TEST_F(HttpSession, WhatIsNoUpgradeIsAnswered426) {
    start();
    raw_client c(*this);
    c.send("GET /ws/a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\r\n");
    const std::string all = c.answer();
    EXPECT_EQ(all.substr(0, 12), "HTTP/1.1 426");
    EXPECT_NE(all.find("Upgrade: websocket\r\n"), std::string::npos);
    EXPECT_EQ(metrics.http_requests.at({"426"}), 1);
    EXPECT_TRUE(app.seen.empty());
}

TEST_F(HttpSession, BadRequestsNeverReachTheApp) {
    settings.limits.headers = 2048;
    route().limits.headers = 2048;
    start();
    EXPECT_EQ(status_of(raw_client::upgrade("/ws/..;/admin")), 400);
    EXPECT_EQ(status_of(raw_client::upgrade("/ws/%2e%2e/admin")), 400);
    EXPECT_EQ(status_of(raw_client::upgrade("/ws/a", "Host: two\r\n")), 400);
    EXPECT_EQ(status_of(raw_client::upgrade("/ws/a", "Transfer-Encoding: chunked\r\n")), 400);
    EXPECT_EQ(status_of("GET /ws/a HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n"), 400);
    EXPECT_EQ(status_of("\x16\x03\x01 nonsense\r\n\r\n"), 400);
    EXPECT_EQ(status_of(raw_client::upgrade("/ws/a", "X: " + std::string(3000, 'x') + "\r\n")), 431);
    EXPECT_EQ(status_of(raw_client::upgrade("/elsewhere")), 404);
    EXPECT_EQ(status_of("GET /ws/a HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
              426);
    EXPECT_TRUE(app.seen.empty());
    EXPECT_EQ(handshakes("no_route"), 1);
}

TEST_F(HttpSession, ACookieFromAnotherOriginIs403AndTheBodyNamesTheSetting) {
    start();
    raw_client c(*this);
    c.send(raw_client::upgrade("/ws/a", "Cookie: s=1\r\nOrigin: https://evil.example\r\n"));
    const std::string all = c.answer();
    EXPECT_EQ(all.substr(0, 12), "HTTP/1.1 403");
    EXPECT_NE(all.find("`origins`"), std::string::npos);
    EXPECT_TRUE(app.seen.empty());
    EXPECT_EQ(upgraded("/ws/a", "Cookie: s=1\r\nOrigin: https://shop.example\r\n").substr(9, 3), "101");
    EXPECT_EQ(upgraded("/ws/a", "Origin: https://evil.example\r\n").substr(9, 3), "101");  // nothing to hijack
}

TEST_F(HttpSession, HeadersLargerThanTheAppTakesAre431) {
    settings.app.max_header = 4096;
    start();
    EXPECT_EQ(status_of(raw_client::upgrade("/ws/a", "Cookie: s=" + std::string(4000, 'c') + "\r\n")), 431);
    EXPECT_TRUE(app.seen.empty());
    EXPECT_EQ(handshakes("max_header"), 1);
}

TEST_F(HttpSession, LimitsOfConnectionsAre503WithRetryAfter) {
    settings.max_connections = 1;
    start();
    raw_client first(*this);
    ASSERT_TRUE(first.open());
    raw_client second(*this);
    second.send(raw_client::upgrade("/ws/a"));
    const std::string all = second.answer();
    EXPECT_EQ(all.substr(0, 12), "HTTP/1.1 503");
    EXPECT_NE(all.find("Retry-After: "), std::string::npos);
    first.close();
    ASSERT_TRUE(until([&] { return front->sessions() == 0; }));
    EXPECT_TRUE(raw_client(*this).open());
}

TEST_F(HttpSession, AnAddressHasItsOwnLimitAndGetsItsPlacesBack) {
    settings.connections_per_address = 2;
    settings.trusted_proxies = {"loopback"};
    start();
    raw_client a(*this);
    raw_client b(*this);
    raw_client other(*this);
    ASSERT_TRUE(a.open("/ws/a", "X-Forwarded-For: 198.51.100.1\r\n"));
    ASSERT_TRUE(b.open("/ws/a", "X-Forwarded-For: 198.51.100.1\r\n"));
    EXPECT_TRUE(other.open("/ws/a", "X-Forwarded-For: 198.51.100.2\r\n"));
    EXPECT_EQ(status_of(raw_client::upgrade("/ws/a", "X-Forwarded-For: 198.51.100.1\r\n")), 503);
    a.close();
    ASSERT_TRUE(until([&] { return front->sessions() == 2; }));
    turn(20ms);
    raw_client again(*this);
    EXPECT_TRUE(again.open("/ws/a", "X-Forwarded-For: 198.51.100.1\r\n"));
}

TEST_F(HttpSession, WhatTheAppSaysToConnectIsRelayed) {
    app.reply = [](const core::app_request&) {
        return core::app_answer{core::app_failure::none, 401, {{"WWW-Authenticate", "Basic"}}, "no"};
    };
    start();
    raw_client c(*this);
    c.send(raw_client::upgrade("/ws/a"));
    const std::string all = c.answer();
    EXPECT_EQ(all.substr(0, 12), "HTTP/1.1 401");
    EXPECT_NE(all.find("WWW-Authenticate: Basic\r\n"), std::string::npos);
    EXPECT_EQ(all.substr(all.size() - 2), "no");
}

TEST_F(HttpSession, CookiesAndSubprotocolOfTheAppAreInThe101) {
    app.reply = [](const core::app_request&) {
        return core::app_answer{core::app_failure::none, 200, {{"Set-Cookie", "s=2; Path=/"}, {"Ws-Subprotocol", "chat"}}, ""};
    };
    start();
    const std::string head = upgraded("/ws/a", "Sec-WebSocket-Protocol: game, chat\r\n");
    EXPECT_NE(head.find("Set-Cookie: s=2; Path=/\r\n"), std::string::npos);
    EXPECT_NE(head.find("Sec-WebSocket-Protocol: chat\r\n"), std::string::npos);
    // A client that offered none must not be given one.
    EXPECT_EQ(upgraded("/ws/a").find("Sec-WebSocket-Protocol"), std::string::npos);
}

TEST_F(HttpSession, AClientThatLeavesBeforeThe101LeavesNothingBehind) {
    app.holding = true;
    start();
    {
        raw_client c(*this);
        c.send(raw_client::upgrade("/ws/a"));
        ASSERT_TRUE(until([&] { return app.held.size() == 1; }));
    }
    ASSERT_TRUE(until([&] { return handshakes("abandoned") == 1; }));
    app.held.front()();
    app.held.pop_front();
    turn();
    EXPECT_EQ(front->sessions(), 0U);
    EXPECT_NE(app.event("disconnect"), nullptr);  // the app had said yes
}

TEST_F(HttpSession, WhatAClientSendsBeforeThe101WaitsForIt) {
    app.holding = true;
    start();
    raw_client c(*this);
    c.send(raw_client::upgrade("/ws/a"));
    ASSERT_TRUE(until([&] { return app.held.size() == 1; }));
    c.text("early");
    turn(20ms);
    app.holding = false;
    app.held.front()();
    EXPECT_EQ(c.status(), 101);
    ASSERT_TRUE(until([&] { return !app.bodies().empty(); }));
    EXPECT_EQ(app.bodies().front(), "early");
}

TEST_F(HttpSession, AHeadThatDoesNotComeInTimeIs408) {
    settings.limits.handshake = route().limits.handshake = 250ms;
    start();
    raw_client silent(*this);
    raw_client slow(*this);
    slow.send("GET /ws/a HTTP/1.1\r\n");
    EXPECT_EQ(slow.status(), 408);
    EXPECT_TRUE(silent.ended());
    EXPECT_EQ(handshakes("timeout"), 1);
}

TEST_F(HttpSession, DrainingRefusesUpgradesAndKeepsTheListener) {
    start();
    front->refuse_upgrades(true);
    EXPECT_EQ(status_of(raw_client::upgrade("/ws/a")), 503);
    front->refuse_upgrades(false);
    EXPECT_TRUE(raw_client(*this).open());
}

TEST_F(HttpSession, PassesRequestsOnAndTakesTheClientBackForTheNext) {
    std::vector<std::pair<std::string, bool>> passed;
    std::optional<handover> kept;
    std::function<void(transport, std::string)> go_on;
    pass.request = [&](handover h, bool read_only, auto again) {
        passed.emplace_back(h.received.substr(0, h.received.find(" HTTP")), read_only);
        std::string rest = h.received.substr(h.head_size);
        iovec part{const_cast<char*>("HTTP/1.1 204 No Content\r\n\r\n"), 27};
        h.peer.write_now(&part, 1);
        again(std::move(h.peer), std::move(rest));
    };
    route().event_path = "/events/{event}";
    start();
    raw_client c(*this);
    c.send("GET /page HTTP/1.1\r\nHost: a\r\n\r\nPOST /ws/a HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(c.status(), 204);
    EXPECT_EQ(c.status(), 204);
    c.send("POST /events/connect HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(c.status(), 204);
    c.send(raw_client::upgrade("/ws/a"));
    EXPECT_EQ(c.status(), 101);
    EXPECT_EQ(passed, (std::vector<std::pair<std::string, bool>>{
                          {"GET /page", false}, {"POST /ws/a", true}, {"POST /events/connect", true}}));
}

TEST_F(HttpSession, TunnelsUpgradesThatNoRouteMatchesAfterTheSameChecks) {
    int tunnels = 0;
    pass.request = [](handover, bool, auto) {};
    pass.tunnel = [&](handover h) {
        ++tunnels;
        EXPECT_EQ(h.address, "127.0.0.1");
    };
    start();
    EXPECT_EQ(status_of(raw_client::upgrade("/old/..;/x")), 400);
    EXPECT_EQ(status_of(raw_client::upgrade("/old", "Cookie: a=1\r\nOrigin: http://evil\r\n")), 403);
    EXPECT_EQ(status_of(raw_client::upgrade("/old")), 0);
    EXPECT_EQ(tunnels, 1);
}

TEST_F(HttpSession, TunnelsCountLikeOtherConnections) {
    std::vector<handover> open;
    pass.request = [](handover, bool, auto) {};
    pass.tunnel = [&](handover h) { open.push_back(std::move(h)); };
    settings.max_connections = 2;
    settings.connections_per_address = 1;
    settings.trusted_proxies = {"loopback"};
    start();
    const auto from = [](const char* address) { return std::string("X-Forwarded-For: ") + address + "\r\n"; };
    raw_client first(*this);
    first.send(raw_client::upgrade("/old", from("198.51.100.1")));
    ASSERT_TRUE(until([&] { return open.size() == 1; }));
    EXPECT_EQ(status_of(raw_client::upgrade("/old", from("198.51.100.1"))), 503) << "connections_per_address";
    EXPECT_EQ(status_of(raw_client::upgrade("/ws/a", from("198.51.100.1"))), 503);
    raw_client second(*this);
    ASSERT_TRUE(second.open("/ws/a", from("198.51.100.2")));
    EXPECT_EQ(status_of(raw_client::upgrade("/old", from("198.51.100.3"))), 503) << "max_connections";
    EXPECT_EQ(front->used().tunnels, 1U);
    open.clear();
    EXPECT_EQ(front->used().tunnels, 0U);
    raw_client third(*this);
    EXPECT_TRUE(third.open("/ws/a", from("198.51.100.1")));
}

TEST_F(HttpSession, WhatTellsTheAppOfDeliveriesIsNoClientsToSay) {
    std::vector<bool> read_only;
    pass.request = [&](handover, bool only, auto) { read_only.push_back(only); };
    pass.tunnel = [](handover) {};
    settings.sources.emplace_back();
    settings.sources[0].channel = "notices";
    settings.sources[0].delivered.post = "/messages/mark-as-sent?by=ws";
    start();
    for (const char* path :
         {"/messages/mark-as-sent", "/messages/mark-as-sent/", "/messages/%6dark-as-sent", "/messages/other"}) {
        raw_client c(*this);
        c.send(std::string("POST ") + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
        const auto before = read_only.size();
        ASSERT_TRUE(until([&] { return read_only.size() > before; }));
    }
    EXPECT_EQ(read_only, (std::vector<bool>{true, true, true, false}));
}

TEST_F(HttpSession, ARequestThatFindsNoRoomToPassIs503) {
    pass.request = [](handover, bool, auto) {};
    pass.tunnel = [](handover) {};
    pass.room = [] { return false; };
    start();
    EXPECT_EQ(status_of("GET /x HTTP/1.1\r\nHost: a\r\n\r\n"), 503);
    EXPECT_EQ(metrics.limit_hits.at({"pass.concurrency"}), 1);
}

TEST_F(HttpSession, IdleConnectionsOfOneAddressMakeRoomForAnother) {
    start();
    front->limit({4, 1 << 20, 0});
    std::vector<std::unique_ptr<raw_client>> idle;
    for (int i = 0; i < 5; ++i) {
        idle.push_back(std::make_unique<raw_client>(*this, 0, "127.0.0.66"));
        idle.back()->send("G");
        turn(2ms);
    }
    const auto begun = clock.now();
    raw_client other(*this);
    EXPECT_TRUE(other.open());
    EXPECT_LT(clock.now() - begun, 1s);
    EXPECT_EQ(idle[0]->status(), 503) << "it was the first of those that have most";
    EXPECT_TRUE(front->used().pending_full);
    EXPECT_GE(metrics.limit_hits.at({"pending_connections"}), 1);
}

TEST_F(HttpSession, WhoHasBeenRefusedAndStaysHoldsNobodyUp) {
    settings.max_connections = 1;
    start();
    front->limit({4, 1 << 20, 0});
    raw_client first(*this);
    ASSERT_TRUE(first.open());
    const auto begun = clock.now();
    std::vector<std::unique_ptr<raw_client>> refused;
    for (int i = 0; i < 40; ++i) {
        refused.push_back(std::make_unique<raw_client>(*this));
        refused.back()->send(raw_client::upgrade("/ws/a"));
        EXPECT_EQ(refused.back()->status(), 503);
    }
    EXPECT_LT(clock.now() - begun, 1s) << "accepting does not rest for them";
}

TEST_F(HttpSession, HeadsInTheMakingHoldNoMoreThanTheirBytes) {
    start();
    front->limit({100, 64 * 1024, 0});
    std::vector<std::unique_ptr<raw_client>> all;
    for (int i = 0; i < 20; ++i) {
        all.push_back(std::make_unique<raw_client>(*this));
        all.back()->send("GET / HTTP/1.1\r\nX: " + std::string(10'000, 'x'));
        turn(2ms);
        EXPECT_LE(front->used().pending_bytes, 64U * 1024);
    }
    EXPECT_GE(metrics.limit_hits.at({"pending_bytes"}), 1);
    EXPECT_EQ(all[0]->status(), 503);
}

TEST_F(HttpSession, TheConfigurationInForceIsTheOneThatIsChangedInPlace) {
    start();
    raw_client first(*this);
    ASSERT_TRUE(first.open());
    settings.max_connections = 1;  // as the process does that has fewer descriptors
    EXPECT_EQ(status_of(raw_client::upgrade("/ws/a")), 503);
}

}  // namespace
}  // namespace wsidecar::net
