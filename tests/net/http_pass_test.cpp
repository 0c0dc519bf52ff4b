#include "sidecar/net/http_pass.hpp"

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

const std::string get = "GET /a?b=c HTTP/1.1\r\nHost: shop.example\r\n";

struct HttpPass : public ::testing::Test, public pass_house {
    std::string head;
    std::string body;

    /// An app that answers these bytes.
    void answers(std::string bytes, std::function<void(fault_peer&)> after = {}) {
        serve([this, bytes, after](fault_peer& p, const std::string& h, const std::string& b) {
            head = h;
            body = b;
            p.send(bytes);
            if (after) {
                after(p);
            }
        });
    }
};

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST_F(HttpPass, PassesARequestAndItsAnswer) {
    answers(
        "HTTP/1.1 200 Fine\r\nContent-Type: text/html\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\nok");
    EXPECT_EQ(
        ask(get + "Cookie: s=1\r\nAccept: */*\r\n\r\n", "ok"),
        "HTTP/1.1 200 Fine\r\nContent-Type: text/html\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\nok");
    EXPECT_THAT(head, StartsWith("GET /a?b=c HTTP/1.1\r\nHost: shop.example\r\nCookie: s=1\r\nAccept: */*\r\n"));
    EXPECT_EQ(metrics.http_requests.at({"200"}), 1);
}

TEST_F(HttpPass, NobodyPosesAsWsidecar) {
    answers(ok);
    ask(get +
            "CE-ID: x\r\nWs-User: root\r\nstomp-login: x\r\nWebhook-Signature: x\r\nIdempotency-Key: x\r\nX_User: root\r\n"
            "ce.type: x\r\nX-Ok: 1\r\n\r\n",
        "ok");
    for (const auto* name : {"CE-ID", "Ws-User", "stomp-login", "Webhook", "Idempotency", "X_User", "ce.type"}) {
        EXPECT_THAT(head, Not(HasSubstr(name)));
    }
    EXPECT_THAT(head, HasSubstr("X-Ok: 1\r\n"));
}

TEST_F(HttpPass, RemovesHopByHopHeadersBothWays) {
    answers(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=20\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nX-End: "
        "1\r\n\r\nok");
    const auto got = ask(get +
                             "Connection: keep-alive, X-Mine\r\nX-Mine: 1\r\nTE: trailers\r\nKeep-Alive: 5\r\n"
                             "Upgrade: h2c\r\nHTTP2-Settings: x\r\nProxy-Connection: x\r\nX-End: 1\r\n\r\n",
                         "ok");
    for (const auto* name : {"X-Mine", "TE:", "Keep-Alive", "Upgrade", "HTTP2", "Proxy-Conn", "Connection"}) {
        EXPECT_THAT(head, Not(HasSubstr(name)));
    }
    EXPECT_THAT(head, HasSubstr("X-End: 1\r\n"));
    EXPECT_EQ(got, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-End: 1\r\n\r\nok");
}

TEST_F(HttpPass, AFixedHostReplacesTheClients) {
    options.host = "app.internal";
    answers(ok);
    ask(get + "\r\n", "ok");
    EXPECT_THAT(head, HasSubstr("\r\nHost: app.internal\r\n"));
    EXPECT_THAT(head, Not(HasSubstr("\r\nHost: shop.example")));
}

TEST_F(HttpPass, KeepsBothConnections) {
    answers(ok);
    auto c = connect();
    for (int i = 1; i <= 5; ++i) {
        c->got.clear();
        c->send(get + "\r\n");
        EXPECT_TRUE(until([&] { return c->got.ends_with("ok"); }));
        EXPECT_TRUE(until([&] { return handed_back == i; }));
    }
    EXPECT_EQ(app->peers.size(), 1U);
    EXPECT_EQ(pass->requests(), 0U);
}

TEST_F(HttpPass, PipelinedRequestsAreAnsweredInOrder) {
    serve([](fault_peer& p, const std::string& h, const std::string&) { p.answer(h.substr(4, 2)); });
    auto c = connect();
    std::string bytes;
    for (const auto* path : {"/1", "/2", "/3"}) {
        bytes += std::string("GET ") + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
    }
    c->send(bytes);
    EXPECT_TRUE(until([&] { return c->got.ends_with("/3"); }));
    EXPECT_LT(c->got.find("/1"), c->got.find("/2"));
}

TEST_F(HttpPass, ClosesWhenTheClientSaysSo) {
    answers(ok);
    auto c = connect();
    c->send(get + "Connection: close\r\n\r\n");
    EXPECT_TRUE(until([&] { return c->ended; }));
    EXPECT_THAT(c->got, HasSubstr("Connection: close\r\n"));
    EXPECT_THAT(c->got, EndsWith("ok"));
    c = connect();
    c->send("GET / HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(until([&] { return c->ended; }));
    EXPECT_THAT(c->got, EndsWith("ok"));
}

TEST_F(HttpPass, TriesAgainWhenAKeptConnectionClosed) {
    int seen = 0;
    serve([&](fault_peer& p, const std::string&, const std::string&) { ++seen == 2 ? p.reset() : p.answer("ok"); });
    ask(get + "\r\n", "ok");
    EXPECT_THAT(ask(get + "\r\n", "ok"), HasSubstr("200 OK"));
    EXPECT_EQ(seen, 3);
}

TEST_F(HttpPass, NeverSendsAPostTwice) {
    int seen = 0;
    serve([&](fault_peer& p, const std::string&, const std::string&) { ++seen == 1 ? p.answer("ok") : p.reset(); });
    ask(get + "\r\n", "ok");
    EXPECT_THAT(ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "\n"), HasSubstr("HTTP/1.1 502 "));
    EXPECT_EQ(seen, 2);
}

TEST_F(HttpPass, StreamsABodyWithContentLength) {
    answers(ok);
    auto c = connect();
    const std::string part(100'000, 'p');
    c->send("POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    for (int i = 0; i < 10; ++i) {
        c->send(part);
        loop.restart();
        loop.poll();
    }
    EXPECT_TRUE(until([&] { return c->got.ends_with("ok"); }));
    EXPECT_EQ(body.size(), 1'000'000U);
    EXPECT_THAT(head, HasSubstr("Content-Length: 1000000\r\n"));
    EXPECT_TRUE(until([&] { return handed_back == 1; }));
}

TEST_F(HttpPass, StreamsAChunkedBody) {
    answers(ok);
    auto c = connect();
    c->send("POST /up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=");
    until([&] { return !app->peers.empty(); });
    c->send("1\r\nde\r\n0\r\nTrailer: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(until([&] { return handed_back == 2 && c->got.ends_with("ok"); }));
    EXPECT_THAT(head, StartsWith("GET /next "));
}

TEST_F(HttpPass, ChunksAreFramedAnew) {
    answers(ok);
    ask("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n002;x=1\r\nde\r\n0\r\nTrailer: x\r\n\r\n",
        "ok");
    EXPECT_THAT(head, HasSubstr("Transfer-Encoding: chunked\r\n"));
    EXPECT_EQ(body, "5\r\nabcde\r\n0\r\n\r\n");
}

TEST_F(HttpPass, AMalformedChunkIsRefused) {
    answers(ok);
    EXPECT_THAT(ask("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "malformed"),
                HasSubstr("HTTP/1.1 400 "));
}

TEST_F(HttpPass, AmbiguousFramingIsRefusedAndTheConnectionClosed) {
    answers(ok);
    for (const auto* lines : {"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip\r\n",
                              "Transfer-Encoding: gzip, chunked\r\n", "Content-Length: 1\r\nContent-Length: 2\r\n"}) {
        auto c = connect();
        c->send("POST / HTTP/1.1\r\nHost: x\r\n" + std::string(lines) + "\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
        EXPECT_TRUE(until([&] { return c->ended; })) << lines;
        EXPECT_THAT(c->got, StartsWith("HTTP/1.1 400 ")) << lines;
    }
    EXPECT_TRUE(app->peers.empty());
}

TEST_F(HttpPass, ExpectContinueWorks) {
    serve([&](fault_peer& p, const std::string&, const std::string& b) {
        body = b;
        p.send(ok);
    });
    app->on_accept = [](fault_peer& p) {
        p.on_head = [](fault_peer& q, const std::string& h) {
            EXPECT_THAT(h, HasSubstr("Expect: 100-continue"));
            q.send("HTTP/1.1 100 Continue\r\n\r\n");
        };
    };
    auto c = connect();
    c->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_TRUE(until([&] { return c->got == "HTTP/1.1 100 Continue\r\n\r\n"; }));
    c->send("data");
    EXPECT_TRUE(until([&] { return c->got.ends_with("ok"); }));
    EXPECT_EQ(body, "data");
}

TEST_F(HttpPass, AnEarlyAnswerReachesAClientThatIsStillSending) {
    serve([](fault_peer&, const std::string&, const std::string&) {});
    app->on_accept = [](fault_peer& p) {
        p.on_head = [](fault_peer& q, const std::string&) {
            q.stop_reading = true;
            q.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
        };
    };
    auto c = connect();
    c->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n" + std::string(100'000, 'x'));
    EXPECT_TRUE(until([&] { return c->got.ends_with("\r\n\r\n"); }));
    EXPECT_THAT(c->got, StartsWith("HTTP/1.1 413 Too Large\r\n"));
    EXPECT_THAT(c->got, HasSubstr("Connection: close\r\n"));
    EXPECT_TRUE(until([&] { return c->ended; }));
}

TEST_F(HttpPass, HeadAnd304HaveNoBody) {
    answers("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n");
    auto c = connect();
    c->send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(until([&] { return handed_back == 1 && c->got.ends_with("\r\n\r\n"); }));
    EXPECT_THAT(c->got, HasSubstr("Content-Length: 1234\r\n"));
    answers("HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n");
    EXPECT_THAT(ask(get + "\r\n", "\r\n\r\n"), Not(HasSubstr("Transfer-Encoding")));
    EXPECT_TRUE(until([&] { return handed_back == 2; }));
}

TEST_F(HttpPass, ServerSentEventsArriveAsTheyCome) {
    options.timeout = 100ms;
    serve([](fault_peer& p, const std::string&, const std::string&) {
        p.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n7\r\ndata: 1\r\n");
    });
    auto c = connect();
    c->send(get + "\r\n");
    EXPECT_TRUE(until([&] { return c->got.ends_with("7\r\ndata: 1\r\n"); }));
    run_until(
        loop, [] { return false; }, 200ms);  // longer than app.timeout: a stream may be silent
    app->peers[0]->send("7\r\ndata: 2\r\n");
    EXPECT_TRUE(until([&] { return c->got.ends_with("7\r\ndata: 2\r\n"); }));
    app->peers[0]->send("0\r\n\r\n");
    EXPECT_TRUE(until([&] { return handed_back == 1 && c->got.ends_with("\r\n0\r\n\r\n"); }));
}

TEST_F(HttpPass, AClientThatGoesAwayEndsTheAppsWork) {
    serve([](fault_peer& p, const std::string&, const std::string&) {
        p.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
    });
    auto c = connect();
    c->send(get + "\r\n");
    EXPECT_TRUE(until([&] { return c->got.ends_with("x\r\n"); }));
    c->socket.close();
    EXPECT_TRUE(until([&] { return app->peers[0]->gone; }));
    EXPECT_TRUE(until([&] { return pass->requests() == 0; }));
    EXPECT_EQ(handed_back, 0);
}

TEST_F(HttpPass, AnAnswerUntilCloseIsChunkedForHttp11AndClosedForHttp10) {
    answers("HTTP/1.1 200 OK\r\n\r\nwhole", [](fault_peer& p) { p.close(); });
    EXPECT_THAT(ask(get + "\r\n", "0\r\n\r\n"), EndsWith("5\r\nwhole\r\n0\r\n\r\n"));
    EXPECT_TRUE(until([&] { return handed_back == 1; }));
    auto c = connect();
    c->send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_TRUE(until([&] { return c->ended; }));
    EXPECT_EQ(c->got, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nwhole");
}

TEST_F(HttpPass, AnAnswerCutShortDoesNotLookWhole) {
    answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", [](fault_peer& p) { p.close(); });
    auto c = connect();
    c->send(get + "\r\n");
    EXPECT_TRUE(until([&] { return c->ended; }));
    EXPECT_THAT(c->got, Not(HasSubstr("0\r\n\r\n")));
    EXPECT_EQ(handed_back, 0);
}

TEST_F(HttpPass, RefusedIs502AndTheClientMayGoOn) {
    answers(ok);
    app->close();
    const auto got = ask(get + "\r\n", "reachable");
    EXPECT_THAT(got, StartsWith("HTTP/1.1 502 Bad Gateway\r\n"));
    EXPECT_THAT(got, HasSubstr("Retry-After: "));
    EXPECT_TRUE(until([&] { return handed_back == 1; }));
}

TEST_F(HttpPass, GarbageIs502) {
    for (const auto* bytes :
         {"SSH-2.0-x\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"}) {
        answers(bytes);
        EXPECT_THAT(ask(get + "\r\n", "no HTTP."), StartsWith("HTTP/1.1 502 Bad Gateway\r\n")) << bytes;
    }
}

TEST_F(HttpPass, AHangingAppIs504) {
    options.timeout = 60ms;
    answers("");
    EXPECT_THAT(ask(get + "\r\n", "time"), StartsWith("HTTP/1.1 504 "));
    EXPECT_TRUE(until([&] { return handed_back == 1; }));
    EXPECT_THAT(ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", "time"), StartsWith("HTTP/1.1 504 "));
}

TEST_F(HttpPass, AStalledBodyEndsTheConnection) {
    options.stall = 60ms;
    answers(ok);
    auto c = connect();
    c->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    EXPECT_TRUE(until([&] { return c->ended; }));
    EXPECT_TRUE(until([&] { return pass->requests() == 0; }));
}

TEST_F(HttpPass, AClientThatDoesNotReadIsNotBuffered) {
    options.stall = 300ms;
    std::size_t sent = 0;
    serve([&](fault_peer& p, const std::string&, const std::string&) {
        p.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    });
    auto c = connect();
    c->hold = true;
    c->send(get + "\r\n");
    until([&] { return !app->peers.empty() && app->peers[0]->requests == 1; });
    const std::string part(65536, 'x');
    EXPECT_TRUE(until([&] {
        sent += app->peers[0]->send_now(part);
        return app->peers[0]->gone;
    }));
    EXPECT_LT(sent, 100'000'000U);
    EXPECT_TRUE(until([&] { return pass->requests() == 0; }));
}

TEST_F(HttpPass, TheAppHearsWhoAsks) {
    options.trusted_proxies = {"198.51.100.0/24"};
    answers(ok);
    ask(get + "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-User: root\r\n\r\n", "ok");
    EXPECT_THAT(head, HasSubstr("X-Forwarded-For: 203.0.113.7\r\n"));
    EXPECT_THAT(head, HasSubstr("X-Forwarded-Proto: http\r\n"));
    EXPECT_THAT(head, Not(HasSubstr("root")));
    options.trusted_proxies = {"203.0.113.0/24"};
    answers(ok);
    ask(get + "X-Forwarded-For: 1.2.3.4\r\n\r\n", "ok");
    EXPECT_THAT(head, HasSubstr("X-Forwarded-For: 1.2.3.4, 203.0.113.7\r\n"));
}

TEST_F(HttpPass, RoutesTakeOnlyReadingRequests) {
    read_only = true;
    answers(ok);
    EXPECT_THAT(ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "\n"),
                ::testing::AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD, OPTIONS\r\n")));
    EXPECT_TRUE(app->peers.empty());
    EXPECT_THAT(ask(get + "\r\n", "ok"), EndsWith("ok"));
}

TEST_F(HttpPass, StopEndsWhatIsUnderWay) {
    serve([](fault_peer&, const std::string&, const std::string&) {});
    auto c = connect();
    c->send(get + "\r\n");
    until([&] { return !app->peers.empty() && app->peers[0]->requests == 1; });
    pass->stop();
    EXPECT_TRUE(until([&] { return c->ended && pass->requests() == 0; }));
}

TEST_F(HttpPass, MoreThanPassConcurrencyWaitTheirTurn) {
    options.concurrency = 2;
    options.per_address = 2;
    std::vector<fault_peer*> asked;
    serve([&](fault_peer& p, const std::string&, const std::string&) { asked.push_back(&p); });
    std::vector<std::shared_ptr<pass_client>> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(connect());
        clients.back()->send(get + "\r\n");
    }
    EXPECT_TRUE(until([&] { return asked.size() == 2; }));
    run_until(
        loop, [] { return false; }, 50ms);
    EXPECT_EQ(asked.size(), 2U);
    EXPECT_EQ(pass->placed(), 2U);
    asked[0]->send(ok);
    EXPECT_TRUE(until([&] { return asked.size() == 3; }));
    EXPECT_GE(metrics.limit_hits.at({"pass.concurrency"}), 1);
}

TEST_F(HttpPass, OneAddressDoesNotTakeAllPlacesAndWhoWaitsForTooLongIs503) {
    options.concurrency = 2;  // one address: half of them
    options.timeout = 150ms;
    int asked = 0;
    // An answer that has begun and does not end: the place is taken for longer than anybody waits.
    serve([&](fault_peer& p, const std::string&, const std::string&) {
        ++asked;
        p.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    });
    auto first = connect();
    first->send(get + "\r\n");
    EXPECT_TRUE(until([&] { return asked == 1; }));
    auto second = connect();
    second->send(get + "\r\n");
    run_until(
        loop, [] { return false; }, 50ms);
    EXPECT_EQ(asked, 1);
    EXPECT_TRUE(until([&] { return second->got.find("at once") != std::string::npos; }));
    EXPECT_THAT(second->got, StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(second->got, HasSubstr("Retry-After"));
}

TEST_F(HttpPass, OneAddressDoesNotTakeTheWholeQueue) {
    options.concurrency = 2;
    serve([&](fault_peer&, const std::string&, const std::string&) {});
    std::vector<std::shared_ptr<pass_client>> all;
    for (int i = 0; i < 34; ++i) {  // one has a place, 32 wait
        all.push_back(connect());
        all.back()->send(get + "\r\n");
        run_until(
            loop, [] { return false; }, 2ms);
    }
    EXPECT_TRUE(until([&] { return all.back()->got.find("at once") != std::string::npos; }));
    EXPECT_EQ(all[32]->got, "");
    EXPECT_TRUE(pass->room());
}

TEST_F(HttpPass, AClientThatLeavesTheQueueLeavesNothingBehind) {
    options.concurrency = 1;
    std::vector<fault_peer*> asked;
    serve([&](fault_peer& p, const std::string&, const std::string&) { asked.push_back(&p); });
    auto first = connect();
    first->send(get + "\r\n");
    EXPECT_TRUE(until([&] { return asked.size() == 1; }));
    auto second = connect();
    second->send(get + "\r\n");
    run_until(
        loop, [] { return false; }, 50ms);
    second->socket.close();
    EXPECT_TRUE(until([&] { return pass->requests() == 1; }));
    asked[0]->send(ok);
    EXPECT_TRUE(until([&] { return pass->requests() == 0; }));
    EXPECT_EQ(pass->placed(), 0U);
    EXPECT_EQ(asked.size(), 1U);
}

TEST_F(HttpPass, ABodyThatTricklesIsCutOff) {
    options.stall = 300ms;
    serve([](fault_peer&, const std::string&, const std::string&) {});
    auto c = connect();
    c->send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
    const auto begun = std::chrono::steady_clock::now();
    while (!c->ended && std::chrono::steady_clock::now() - begun < 3s) {
        c->send("x");
        run_until(
            loop, [&] { return c->ended; }, 40ms);
    }
    EXPECT_TRUE(c->ended);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s);
}

TEST_F(HttpPass, AnotherAddressOfTheAppIsForTheNextRequest) {
    answers(ok);
    ask(get + "\r\n", "ok");
    fault_app other(loop, [](fault_peer& p, const std::string&, const std::string&) {
        p.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew");
    });
    options.url = other.url();
    pass->configure(options);
    EXPECT_THAT(ask(get + "\r\n", "new"), EndsWith("new"));
}

TEST_F(HttpPass, OnlyA101ToWebsocketIsATunnel) {
    tunnels = true;
    for (const char* line : {"Upgrade: h2c\r\n", "", "Upgrade: websocket, h2c\r\n", "Upgrade: websocket\r\nUpgrade: h2c\r\n"}) {
        answers(std::string("HTTP/1.1 101 Switching\r\n") + line + "Connection: Upgrade\r\n\r\n");
        const auto got = ask(get + "Upgrade: h2c, websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n", "502");
        EXPECT_THAT(got, StartsWith("HTTP/1.1 502 ")) << line;
        EXPECT_THAT(head, HasSubstr("\r\nUpgrade: websocket\r\n")) << "whatever else the client named";
        EXPECT_THAT(head, Not(HasSubstr("h2c")));
    }
}

TEST_F(HttpPass, AnAnswerHasOneContentLengthAndNoneWithoutABody) {
    answers("HTTP/1.1 200 X\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok");
    EXPECT_EQ(ask(get + "\r\n", "ok"), "HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\nok");
    answers("HTTP/1.1 200 X\r\nContent-Length: 2, 2\r\n\r\nok");
    EXPECT_THAT(ask(get + "\r\n", "ok"),
                ::testing::AnyOf("HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\nok", StartsWith("HTTP/1.1 502 ")));
    answers("HTTP/1.1 204 X\r\nContent-Length: 5\r\nX-End: 1\r\n\r\n");
    EXPECT_THAT(ask(get + "\r\n", "X-End: 1\r\n\r\n"), Not(HasSubstr("Content-Length")));
    answers("HTTP/1.1 304 X\r\nContent-Length: 5\r\nContent-Length: 5\r\nX-End: 1\r\n\r\n");
    EXPECT_EQ(ask(get + "\r\n", "X-End: 1\r\n\r\n"), "HTTP/1.1 304 X\r\nContent-Length: 5\r\nX-End: 1\r\n\r\n");
}

}  // namespace
}  // namespace wsidecar::net
