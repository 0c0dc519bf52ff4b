#include "sidecar/net/app_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>
#include <deque>

#include "proto/http/webhook_signature.hpp"
#include "tests/net/fault_app.hpp"

namespace wsidecar::net {
namespace {

using namespace std::chrono_literals;
using core::app_answer;
using core::app_failure;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace wsidecar::net::testing;

core::app_request request(std::string body = "hi", bool reserved = false) {
    core::app_request r;
    r.target = "/ws?x=1";
    r.headers = "ce-id: c:1\r\n";
    r.body = std::move(body);
    r.id = "c:1";
    r.reserved = reserved;
    return r;
}

/// A loop, an app on it and a client of it.
struct AppClient : public ::testing::Test {
    asio::io_context loop{1};
    std::unique_ptr<fault_app> app;
    std::unique_ptr<app_client> client;
    std::vector<app_answer> answers;
    app_options options;

    void serve(fault_peer::handler h) {
        app = std::make_unique<fault_app>(loop, std::move(h));
        options.url = app->url();
        client = std::make_unique<app_client>(loop, options);
    }
    void send(core::app_request r) {
        client->send(std::move(r), [this](app_answer a) { answers.push_back(std::move(a)); });
    }
    app_answer ask(core::app_request r) {
        const auto before = answers.size();
        send(std::move(r));
        EXPECT_TRUE(run_until(loop, [&] { return answers.size() > before; }));
        return answers.size() > before ? answers.back() : app_answer{};
    }
    /// One exchange with an app that sends these bytes and then does `after`.
    app_answer scripted(std::string bytes, std::function<void(fault_peer&)> after = {}) {
        serve([=](fault_peer& p, const std::string&, const std::string&) {
            p.send(bytes);
            if (after) {
                after(p);
            }
        });
        return ask(request());
    }
};

const auto closes = [](fault_peer& p) { p.close(); };
const auto resets = [](fault_peer& p) { p.reset(); };

TEST_F(AppClient, SendsOnePostAndHandsBackTheAnswer) {
    std::string head;
    std::string body;
    serve([&](fault_peer& p, const std::string& h, const std::string& b) {
        head = h;
        body = b;
        p.answer("pong", "Ws-User: alice\r\n");
    });
    const auto a = ask(request("ping"));
    EXPECT_EQ(a.failure, app_failure::none);
    EXPECT_EQ(a.status, 200U);
    EXPECT_EQ(a.body, "pong");
    ASSERT_EQ(a.headers.size(), 2U);
    EXPECT_EQ(a.headers[1], (std::pair<std::string, std::string>("Ws-User", "alice")));
    EXPECT_EQ(body, "ping");
    EXPECT_EQ(head, "POST /ws?x=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(app->port()) +
                        "\r\nce-id: c:1\r\nContent-Length: 4\r\n\r\n");
}

TEST_F(AppClient, SignsWithEverySecret) {
    options.signing_secrets = {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "old secret"};
    std::string head;
    serve([&](fault_peer& p, const std::string& h, const std::string&) {
        head = h;
        p.answer("");
    });
    ask(request("{}"));
    const auto value = [&](const std::string& name) {
        const auto at = head.find(name + ": ");
        return at == std::string::npos ? "" : head.substr(at + name.size() + 2, head.find("\r\n", at) - at - name.size() - 2);
    };
    EXPECT_EQ(value("webhook-id"), "c:1");
    const std::vector<std::string> keys{*proto::webhook_key(options.signing_secrets[0]),
                                        *proto::webhook_key(options.signing_secrets[1])};
    EXPECT_EQ(value("webhook-signature"), proto::webhook_signature(keys, "c:1", value("webhook-timestamp"), "{}"));
    EXPECT_LE(std::abs(std::stol(value("webhook-timestamp")) - std::time(nullptr)), 5);
    options.signing_secrets = {"whsec_???"};
    EXPECT_THROW(client->configure(options), std::invalid_argument);
}

TEST_F(AppClient, KeepsTheHostOfTheClient) {
    std::string head;
    serve([&](fault_peer& p, const std::string& h, const std::string&) {
        head = h;
        p.answer("");
    });
    auto r = request();
    r.host = "chat.example";
    ask(std::move(r));
    EXPECT_THAT(head, HasSubstr("\r\nHost: chat.example\r\n"));
}

TEST_F(AppClient, ReusesTheConnection) {
    serve([](fault_peer& p, const std::string&, const std::string&) { p.answer("x"); });
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(ask(request()).body, "x");
    }
    EXPECT_EQ(app->peers.size(), 1U);
    EXPECT_EQ(client->stats().opened, 1U);
    EXPECT_EQ(client->stats().reused, 4U);
}

TEST_F(AppClient, ObeysConnectionClose) {
    serve([](fault_peer& p, const std::string&, const std::string&) { p.answer("x", "Connection: close\r\n"); });
    ask(request());
    EXPECT_EQ(client->stats().connections, 0U);
    ask(request());
    EXPECT_EQ(app->peers.size(), 2U);
}

TEST_F(AppClient, DoesNotKeepAnHttp10Connection) {
    EXPECT_EQ(scripted("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx").body, "x");
    EXPECT_EQ(client->stats().connections, 0U);
}

TEST_F(AppClient, DoesNotKeepAConnectionWithBytesBehindTheAnswer) {
    EXPECT_EQ(scripted("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 500 Poison\r\n\r\n").body, "x");
    EXPECT_EQ(client->stats().connections, 0U);
}

TEST_F(AppClient, ReadsAChunkedAnswer) {
    const auto a =
        scripted("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n");
    EXPECT_EQ(a.body, "abcde");
    EXPECT_EQ(a.headers.size(), 1U);
    EXPECT_EQ(client->stats().connections, 1U);
}

TEST_F(AppClient, ReadsAChunkedAnswerThatComesByteByByte) {
    const std::string bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    std::size_t at = 0;
    asio::steady_timer tick(loop);
    std::function<void(fault_peer&)> drip = [&](fault_peer& p) {
        p.send(bytes.substr(at++, 1));
        tick.expires_after(100us);
        tick.async_wait([&](auto) {
            if (at < bytes.size()) {
                drip(p);
            }
        });
    };
    serve([&](fault_peer& p, const std::string&, const std::string&) { drip(p); });
    EXPECT_EQ(ask(request()).body, "abcde");
}

TEST_F(AppClient, ReadsAnAnswerUntilTheConnectionCloses) {
    EXPECT_EQ(scripted("HTTP/1.1 200 OK\r\n\r\nwhole", closes).body, "whole");
}

TEST_F(AppClient, TakesNoBodyWith204And304) {
    EXPECT_EQ(scripted("HTTP/1.1 204 No Content\r\n\r\n").status, 204U);
    EXPECT_EQ(client->stats().connections, 1U);
    EXPECT_EQ(scripted("HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n").status, 304U);
    EXPECT_EQ(client->stats().connections, 1U);
}

TEST_F(AppClient, SkipsInterimAnswers) {
    const auto a = scripted(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Made\r\n"
        "Content-Length: 0\r\n\r\n");
    EXPECT_EQ(a.status, 201U);
    EXPECT_EQ(a.headers.size(), 1U);
}

TEST_F(AppClient, RefusedIsUnreached) {
    serve([](fault_peer&, const std::string&, const std::string&) {});
    app->close();
    EXPECT_TRUE(client->accepting());
    EXPECT_EQ(ask(request()).failure, app_failure::unreached);
    EXPECT_FALSE(client->accepting());
}

TEST_F(AppClient, ClosedOrResetBeforeTheAnswerIsUnreached) {
    EXPECT_EQ(scripted("", closes).failure, app_failure::unreached);
    EXPECT_EQ(scripted("", resets).failure, app_failure::unreached);
    EXPECT_EQ(app->peers.size(), 1U);  // a fresh connection: not tried again
    EXPECT_TRUE(client->accepting());
}

TEST_F(AppClient, AnAnswerThatBreaksOffIsCut) {
    EXPECT_EQ(scripted("HTTP/1.1 2", closes).failure, app_failure::cut);
    EXPECT_EQ(scripted("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", closes).failure, app_failure::cut);
    EXPECT_EQ(scripted("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", resets).failure, app_failure::cut);
    EXPECT_EQ(scripted("HTTP/1.1 200 OK\r\n\r\nuntil close", resets).failure, app_failure::cut);
}

TEST_F(AppClient, GarbageIsCut) {
    for (const auto* garbage : {"SSH-2.0-OpenSSH_9.2\r\n", "\x16\x03\x01\x02", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                                "HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP/1.1 007 Bond\r\n\r\n",
                                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
        EXPECT_EQ(scripted(garbage, closes).failure, app_failure::cut) << garbage;
        EXPECT_EQ(client->stats().connections, 0U) << garbage;
    }
}

TEST_F(AppClient, AnOversizedAnswerIsTooBig) {
    options.max_answer = 1000;
    EXPECT_EQ(scripted("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n").failure, app_failure::too_big);
    EXPECT_EQ(scripted("HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x')).failure, app_failure::too_big);
    EXPECT_EQ(scripted("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n").failure, app_failure::too_big);
    EXPECT_EQ(scripted("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x')).body.size(), 1000U);
}

TEST_F(AppClient, AHugeHeadIsCutAndABigOneIsNot) {
    const auto head = [](std::size_t n) {
        return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: " + std::string(n, 'x') + "\r\n\r\n";
    };
    EXPECT_EQ(scripted(head(70'000)).failure, app_failure::cut);
    EXPECT_EQ(scripted(head(40'000)).failure, app_failure::none);
    EXPECT_EQ(scripted("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(200'000, 'x')).failure,
              app_failure::cut);
}

TEST_F(AppClient, AStatusLineMayEndBehindItsCode) {
    EXPECT_EQ(scripted("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok").body, "ok");
    EXPECT_EQ(scripted("HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok").body, "ok");
    EXPECT_EQ(scripted("HTTP/1.1 103\r\nLink: </a>\r\n\r\nHTTP/1.1 201\r\nContent-Length: 0\r\n\r\n").status, 201U);
    EXPECT_EQ(scripted("HTTP/1.1 204\r\n\r\n").status, 204U);
    EXPECT_EQ(scripted("HTTP/1.1 20\r\n\r\n").failure, app_failure::cut);
}

TEST_F(AppClient, ACompressedAnswerIsRead) {
    // printf soup | gzip -n, and 2,000 letters x.
    const std::string soup("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x2b\xce\x2f\x2d\x00\x00\xfc\xa0\x08\x19\x04\x00\x00\x00",
                           24);
    const auto with = [](const std::string& coding, const std::string& body) {
        return "HTTP/1.1 200 OK\r\nContent-Encoding: " + coding + "\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\n\r\n" + body;
    };
    const auto answer = scripted(with("gzip", soup));
    EXPECT_EQ(answer.body, "soup");
    EXPECT_EQ(answer.headers.size(), 1U) << "without its Content-Encoding";
    const auto damaged = scripted(with("gzip", "soup"));
    EXPECT_EQ(damaged.body, "soup");
    EXPECT_EQ(damaged.headers.size(), 2U) << "who reads it sees that it is coded";
    options.max_answer = 3;
    EXPECT_EQ(scripted(with("identity", "soup")).failure, app_failure::too_big);
    options.max_answer = 24;
    EXPECT_EQ(scripted(with("gzip", soup)).body, "soup");
}

TEST_F(AppClient, ABigAnswerIsReadWhole) {
    const std::string big(900'000, 'b');
    EXPECT_EQ(scripted("HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + big).body, big);
    EXPECT_EQ(client->stats().connections, 1U);
}

TEST_F(AppClient, AHangingAppTimesOut) {
    options.timeout = 60ms;
    const auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(scripted("").failure, app_failure::timeout);
    EXPECT_GE(std::chrono::steady_clock::now() - before, 60ms);
    EXPECT_EQ(scripted("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc").failure, app_failure::timeout);
    EXPECT_EQ(client->stats().connections, 0U);
    EXPECT_EQ(client->stats().in_flight, 0U);
}

TEST_F(AppClient, ABodyThatTheAppReadsLateIsWrittenWhole) {
    std::size_t got = 0;
    serve([&](fault_peer& p, const std::string&, const std::string& b) {
        got = b.size();
        p.answer("ok");
    });
    EXPECT_EQ(ask(request(std::string(8'000'000, 'x'))).body, "ok");
    EXPECT_EQ(got, 8'000'000U);
}

TEST_F(AppClient, AnAnswerBeforeTheWholeBodyIsTakenAndTheConnectionClosed) {
    serve([](fault_peer&, const std::string&, const std::string&) {});
    app->on_accept = [](fault_peer& p) {
        p.on_head = [](fault_peer& q, const std::string&) {
            q.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
            q.stop_reading = true;
        };
    };
    EXPECT_EQ(ask(request(std::string(8'000'000, 'x'))).status, 413U);
    EXPECT_EQ(client->stats().connections, 0U);
}

TEST_F(AppClient, NoticesThatTheAppClosesAnIdleConnection) {
    serve([](fault_peer& p, const std::string&, const std::string&) { p.answer("x"); });
    ask(request());
    EXPECT_EQ(client->stats().connections, 1U);
    app->peers[0]->close();
    EXPECT_TRUE(run_until(loop, [&] { return client->stats().connections == 0; }));
    EXPECT_EQ(ask(request()).body, "x");
    EXPECT_EQ(client->stats().resent, 0U);
}

TEST_F(AppClient, TriesOnceMoreWhenAKeptConnectionClosesUnderTheRequest) {
    int seen = 0;
    serve([&](fault_peer& p, const std::string&, const std::string&) {
        if (++seen == 2) {
            p.reset();
        } else {
            p.answer("x");
        }
    });
    ask(request());
    EXPECT_EQ(ask(request()).body, "x");
    EXPECT_EQ(seen, 3);
    EXPECT_EQ(client->stats().resent, 1U);
    EXPECT_EQ(client->stats().in_flight, 0U);
}

TEST_F(AppClient, SendsAfreshWhenTheAppClosesJustBeforeTheWrite) {
    serve([](fault_peer& p, const std::string&, const std::string&) { p.answer("x"); });
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(ask(request()).body, "x");
        if (i % 2 == 0) {
            app->peers.back()->close();  // the client's loop has not turned yet
        } else {
            app->peers.back()->reset();
        }
    }
    EXPECT_EQ(client->stats().resent, 19U);
}

TEST_F(AppClient, TriesAKeptConnectionOnlyOnceMore) {
    int seen = 0;
    serve([&](fault_peer& p, const std::string&, const std::string&) { ++seen == 1 ? p.answer("x") : p.close(); });
    ask(request());
    EXPECT_EQ(ask(request()).failure, app_failure::unreached);
    EXPECT_EQ(seen, 3);
}

TEST_F(AppClient, A408OnAKeptConnectionIsNoAnswer) {
    int seen = 0;
    serve([&](fault_peer& p, const std::string&, const std::string&) {
        if (++seen == 2) {
            p.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        } else {
            p.answer("x");
        }
    });
    ask(request());
    EXPECT_EQ(ask(request()).body, "x");
}

TEST_F(AppClient, ClosesIdleConnections) {
    options.idle = 30ms;
    serve([](fault_peer& p, const std::string&, const std::string&) { p.answer("x"); });
    ask(request());
    EXPECT_TRUE(run_until(loop, [&] { return app->peers[0]->gone; }));
    EXPECT_EQ(client->stats().connections, 0U);
}

TEST_F(AppClient, WakesNobodyWhileItsConnectionsAreIdle) {
    serve([](fault_peer& p, const std::string&, const std::string&) { p.answer("x"); });
    ask(request());
    loop.run_for(100ms);  // until it has seen that they are
    EXPECT_EQ(loop.run_for(500ms), 0U);
    EXPECT_EQ(client->stats().connections, 1U);
}

TEST_F(AppClient, ARequestAfterARestTimesOutAsSoonAsOthers) {
    options.timeout = 100ms;
    int seen = 0;
    serve([&](fault_peer& p, const std::string&, const std::string&) {
        if (++seen == 1) {
            p.answer("x");
        }
    });
    ask(request());
    loop.run_for(100ms);
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(ask(request()).failure, app_failure::timeout);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 2s);
}

TEST_F(AppClient, NeverHasMoreThanConcurrencyAtOnceAndLosesNone) {
    options.concurrency = 4;
    std::size_t most = 0;
    std::deque<fault_peer*> open;
    asio::steady_timer later(loop);
    std::function<void()> answer_one = [&] {
        if (!open.empty()) {
            most = std::max(most, open.size());
            open.front()->answer("x");
            open.pop_front();
        }
        later.expires_after(10us);
        later.async_wait([&](auto ec) {
            if (!ec) {
                answer_one();
            }
        });
    };
    serve([&](fault_peer& p, const std::string&, const std::string&) { open.push_back(&p); });
    answer_one();
    for (int i = 0; i < 1000; ++i) {
        send(request("x", i % 3 == 0));
    }
    EXPECT_TRUE(run_until(loop, [&] { return answers.size() == 1000; }));
    EXPECT_LE(most, 4U);
    EXPECT_GE(most, 3U);
    EXPECT_LE(app->peers.size(), 4U);
    EXPECT_EQ(client->stats().in_flight, 0U);
    EXPECT_EQ(client->stats().queued, 0U);
}

TEST_F(AppClient, AUserWhoseMessagesHangLeavesRoomForOtherUsers) {
    options.concurrency = 16;  // 12 of them for messages
    serve([&](fault_peer& p, const std::string&, const std::string& body) {
        if (body != "slow") {
            p.answer("x");
        }
    });
    for (int i = 0; i < 100; ++i) {
        auto r = request("slow");
        r.owner = 1;
        send(std::move(r));
    }
    EXPECT_TRUE(run_until(loop, [&] { return client->stats().in_flight == 9; }));
    for (std::uint64_t user = 2; user < 100; ++user) {
        auto r = request("quick");
        r.owner = user;
        send(std::move(r));
    }
    EXPECT_TRUE(run_until(loop, [&] { return answers.size() == 98; }));
    EXPECT_EQ(client->stats().in_flight, 9U);
    EXPECT_EQ(client->stats().queued, 91U);
}

TEST_F(AppClient, HangingMessagesLeaveRoomForReservedRequests) {
    options.concurrency = 8;
    serve([&](fault_peer& p, const std::string&, const std::string& b) {
        if (b == "handshake") {
            p.answer("welcome");
        }
    });
    for (int i = 0; i < 50; ++i) {
        send(request("hang"));
    }
    EXPECT_EQ(client->stats().in_flight, 6U);
    EXPECT_EQ(ask(request("handshake", true)).body, "welcome");
    EXPECT_EQ(client->stats().queued, 44U);
}

TEST_F(AppClient, WaitingQueuesTakeTurns) {
    options.concurrency = 2;
    std::vector<std::string> order;
    serve([&](fault_peer& p, const std::string&, const std::string& b) {
        order.push_back(b);
        p.answer("");
    });
    send(request("m"));
    send(request("c", true));
    for (int i = 0; i < 3; ++i) {
        send(request("m"));
    }
    for (int i = 0; i < 3; ++i) {
        send(request("c", true));
    }
    EXPECT_TRUE(run_until(loop, [&] { return answers.size() == 8; }));
    const std::vector<std::string> first_half(order.begin(), order.begin() + 6);
    EXPECT_GE(std::count(first_half.begin(), first_half.end(), "m"), 2);
    EXPECT_GE(std::count(first_half.begin(), first_half.end(), "c"), 2);
}

TEST_F(AppClient, WhatIsNoLongerWantedNeverLeavesTheQueue) {
    options.concurrency = 1;
    int seen = 0;
    serve([&](fault_peer& p, const std::string&, const std::string&) {
        ++seen;
        p.answer("");
    });
    send(request());
    int asked = 0;
    auto unwanted = request();
    unwanted.wanted = [&] {
        ++asked;
        return false;
    };
    send(unwanted);
    unwanted.wanted = [&] {
        ++asked;
        return true;
    };
    send(unwanted);
    EXPECT_EQ(asked, 0);
    EXPECT_TRUE(run_until(loop, [&] { return answers.size() == 3; }));
    EXPECT_EQ(asked, 2);
    EXPECT_EQ(seen, 2);
    EXPECT_EQ(std::count_if(answers.begin(), answers.end(), [](auto& a) { return a.failure == app_failure::unsent; }), 1);
}

TEST_F(AppClient, ACallbackMaySendAgain) {
    options.concurrency = 1;
    serve([](fault_peer& p, const std::string&, const std::string&) { p.answer("x"); });
    int left = 200;
    std::function<void(app_answer)> again = [&](app_answer a) {
        EXPECT_EQ(a.body, "x");
        if (--left > 0) {
            client->send(request(), again);
        }
    };
    client->send(request(), again);
    EXPECT_TRUE(run_until(loop, [&] { return left == 0; }));
    EXPECT_EQ(app->peers.size(), 1U);
}

TEST_F(AppClient, SpeaksOverAUnixSocket) {
    const std::string path = "/tmp/wsidecar_app_" + std::to_string(::getpid()) + ".sock";
    ::unlink(path.c_str());
    std::string head;
    app = std::make_unique<fault_app>(loop, asio::local::stream_protocol::endpoint(path),
                                      [&](fault_peer& p, const std::string& h, const std::string&) {
                                          head = h;
                                          p.answer("unix");
                                      });
    options.url = "unix:" + path;
    client = std::make_unique<app_client>(loop, options);
    EXPECT_EQ(ask(request()).body, "unix");
    EXPECT_THAT(head, HasSubstr("Host: localhost\r\n"));
    ::unlink(path.c_str());
    client->stop();
    EXPECT_EQ(ask(request()).failure, app_failure::unreached);
}

TEST_F(AppClient, FindsTheAppByName) {
    serve([](fault_peer& p, const std::string&, const std::string&) { p.answer("x"); });
    options.url = "http://localhost:" + std::to_string(app->port()) + "/base/";
    client = std::make_unique<app_client>(loop, options);
    EXPECT_EQ(ask(request()).body, "x");
}

TEST_F(AppClient, ProbesByConnecting) {
    serve([](fault_peer&, const std::string&, const std::string&) {});
    std::optional<bool> up;
    client->probe([&](bool yes) { up = yes; });
    EXPECT_TRUE(run_until(loop, [&] { return up.has_value(); }));
    EXPECT_TRUE(*up);
    app->close();
    up.reset();
    client->probe([&](bool yes) { up = yes; });
    EXPECT_TRUE(run_until(loop, [&] { return up.has_value(); }));
    EXPECT_FALSE(*up);
    EXPECT_FALSE(client->accepting());
}

TEST_F(AppClient, ProbesTheHealthPathBesideTheLimit) {
    options.health = "/health";
    options.concurrency = 1;
    std::string status = "200 OK";
    std::string seen;
    serve([&](fault_peer& p, const std::string& head, const std::string& b) {
        if (b != "hang") {
            seen = head;
            p.send("HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n");
        }
    });
    send(request("hang"));
    for (const bool expected : {true, false}) {
        std::optional<bool> up;
        client->probe([&](bool yes) { up = yes; });
        EXPECT_TRUE(run_until(loop, [&] { return up.has_value(); }));
        EXPECT_EQ(*up, expected);
        status = "503 Not Yet";
    }
    EXPECT_THAT(seen, HasSubstr("GET /health HTTP/1.1\r\n"));
    EXPECT_THAT(seen, Not(HasSubstr("Content-Length")));
    EXPECT_EQ(client->stats().in_flight, 1U);
}

TEST_F(AppClient, AnotherUrlLeavesTheOldConnections) {
    serve([](fault_peer& p, const std::string&, const std::string&) { p.answer("old"); });
    ask(request());
    send(request());
    fault_app other(loop, [](fault_peer& p, const std::string&, const std::string&) { p.answer("new"); });
    options.url = other.url();
    client->configure(options);
    EXPECT_TRUE(run_until(loop, [&] { return answers.size() == 2; }));
    EXPECT_EQ(answers[1].body, "old");
    EXPECT_EQ(client->stats().connections, 0U);
    EXPECT_EQ(ask(request()).body, "new");
}

TEST_F(AppClient, StopSilencesEverything) {
    serve([](fault_peer&, const std::string&, const std::string&) {});
    send(request());
    run_until(loop, [&] { return !app->peers.empty(); });
    send(request());
    client.reset();
    run_until(loop, [&] { return app->peers[0]->gone; });
    EXPECT_TRUE(answers.empty());
}

}  // namespace
}  // namespace wsidecar::net
