#include "sidecar/redis/link.hpp"

#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>

namespace wsidecar::redis {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// A server that parses commands as Redis does, and answers what the test says.
struct fake_redis {
    explicit fake_redis(asio::io_context& loop) : acceptor(loop, {asio::ip::address_v4::loopback(), 0}) { accept(); }

    std::uint16_t port() const { return acceptor.local_endpoint().port(); }

    /// Default: a healthy master.
    std::function<std::string(const std::string& command)> answer = healthy;
    static std::string healthy(const std::string& command) {
        if (command == "ROLE") {
            return "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
        }
        if (command == "INFO") {
            const std::string text = "run_id:abc\r\nredis_version:7.0.15\r\n";
            return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
        }
        return command == "ECHO" ? "$2\r\nhi\r\n" : "+OK\r\n";
    }

    int connections = 0;
    std::vector<std::string> commands;

    void drop() {
        boost::system::error_code ignored;
        if (socket) {
            socket->close(ignored);
        }
    }
    /// Sends a reply that it owes.
    void send(const std::string& bytes) { asio::write(*socket, asio::buffer(bytes)); }

private:
    void accept() {
        acceptor.async_accept([this](boost::system::error_code ec, asio::ip::tcp::socket s) {
            if (ec) {
                return;
            }
            ++connections;
            socket = std::make_shared<asio::ip::tcp::socket>(std::move(s));
            reader = std::make_unique<proto::reply_reader>();
            read(socket);
            accept();
        });
    }
    void read(const std::shared_ptr<asio::ip::tcp::socket>& s) {
        s->async_read_some(asio::buffer(buffer), [this, s](boost::system::error_code ec, std::size_t n) {
            if (ec || s != socket) {
                return;
            }
            reader->feed({buffer.data(), n});
            for (auto next = reader->next(); next && *next; next = reader->next()) {
                commands.emplace_back((*next)->view()[0].text());
                const auto reply = answer(commands.back());
                boost::system::error_code ignored;
                asio::write(*s, asio::buffer(reply), ignored);
                if (reply == "close") {
                    drop();
                    return;
                }
            }
            read(s);
        });
    }

    asio::ip::tcp::acceptor acceptor;
    std::shared_ptr<asio::ip::tcp::socket> socket;
    std::unique_ptr<proto::reply_reader> reader;
    std::array<char, 4096> buffer{};
};

struct Link : testing::Test {
    asio::io_context loop{1};
    fake_redis redis{loop};
    core::metrics numbers;
    std::unique_ptr<link> l;
    int ups = 0;
    int downs = 0;

    void start(const std::string& password = "") {
        endpoint where;
        where.port = redis.port();
        where.password = password;
        start(where);
    }
    void start(const endpoint& where) {
        l = std::make_unique<link>(loop, where, "test", numbers);
        link::hooks hooks;
        hooks.up = [this] { ++ups; };
        hooks.down = [this] { ++downs; };
        l->start(std::move(hooks));
    }
    template <class Condition>
    bool until(Condition c, std::chrono::milliseconds limit = 3s) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!c()) {
            if (std::chrono::steady_clock::now() > end) {
                return false;
            }
            loop.restart();
            loop.run_for(5ms);
        }
        return true;
    }
    ~Link() override {
        if (l) {
            l->stop();
        }
        loop.restart();
        loop.run_for(5ms);
    }
};

TEST_F(Link, LogsInAndCarriesCommandsInOrder) {
    start("secret");
    ASSERT_TRUE(until([&] { return l->up(); }));
    EXPECT_EQ(redis.commands[0], "AUTH");
    EXPECT_EQ(l->major_version(), 7);
    EXPECT_EQ(l->history(), "abc");
    std::string seen;
    l->send({"ECHO", "x"}, [&](proto::reply_view r) { seen += r.text(); });
    l->send({"PING"}, [&](proto::reply_view r) { seen += r.text(); });
    EXPECT_TRUE(until([&] { return seen == "hiOK"; })) << seen;
}

TEST_F(Link, WhileDownACommandIsAnsweredAtOnceWithNothing) {
    start();
    bool null = false;
    l->send({"PING"}, [&](proto::reply_view r) { null = r.is_null(); });
    EXPECT_TRUE(null);
}

TEST_F(Link, ALostConnectionAnswersWhatIsPendingAndComesBack) {
    start();
    ASSERT_TRUE(until([&] { return l->up(); }));
    redis.answer = [](const std::string& c) { return c == "ECHO" ? std::string("close") : fake_redis::healthy(c); };
    int nulls = 0;
    l->send({"ECHO", "x"}, [&](proto::reply_view r) { nulls += r.is_null(); });
    l->send({"PING"}, [&](proto::reply_view r) { nulls += r.is_null(); });
    ASSERT_TRUE(until([&] { return downs == 1; }));
    EXPECT_EQ(nulls, 2);
    EXPECT_TRUE(until([&] { return ups == 2; }));
    EXPECT_EQ(numbers.redis_reconnects.total(), 1);
}

TEST_F(Link, WhatIsNoRespEndsTheConnectionAndIsCounted) {
    start();
    ASSERT_TRUE(until([&] { return l->up(); }));
    redis.answer = [](const std::string& c) {
        return c == "ECHO" ? std::string("HTTP/1.1 400 Bad Request\r\n\r\n") : fake_redis::healthy(c);
    };
    bool null = false;
    l->send({"ECHO"}, [&](proto::reply_view r) { null = r.is_null(); });
    ASSERT_TRUE(until([&] { return downs == 1; }));
    EXPECT_TRUE(null);
    EXPECT_EQ(numbers.redis_errors.at({"protocol"}), 1);
}

TEST_F(Link, AWrongPasswordIsSaidInWords) {
    redis.answer = [](const std::string& c) {
        return c == "AUTH" ? std::string("-WRONGPASS invalid\r\n") : fake_redis::healthy(c);
    };
    start("x");
    EXPECT_TRUE(until([&] { return l->state().find("WRONGPASS") != std::string::npos; })) << l->state();
    EXPECT_FALSE(l->up());
}

/// A sentinel that names `redis` as the master to who has logged in with this password.
struct LinkBySentinel : Link {
    fake_redis sentinel{loop};
    bool known = false;
    std::string refusal;  ///< what it says instead, when not empty
    endpoint where;

    void watch_over(const std::string& wanted) {
        known = wanted.empty();
        sentinel.answer = [this](const std::string& command) -> std::string {
            if (command == "AUTH") {
                known = true;
                return "+OK\r\n";
            }
            if (!known) {
                return "-NOAUTH Authentication required.\r\n";
            }
            const auto port = std::to_string(redis.port());
            return !refusal.empty() ? refusal
                                    : "*2\r\n$9\r\n127.0.0.1\r\n$" + std::to_string(port.size()) + "\r\n" + port + "\r\n";
        };
        where.sentinels = {"127.0.0.1:" + std::to_string(sentinel.port())};
        where.master = "mymaster";
    }
};

TEST_F(LinkBySentinel, ASentinelWithoutAPasswordGetsNone) {
    watch_over("");
    where.password = "of-redis";
    start(where);
    ASSERT_TRUE(until([&] { return l->up(); })) << l->state();
    EXPECT_EQ(sentinel.commands, std::vector<std::string>{"SENTINEL"});
    EXPECT_EQ(redis.commands[0], "AUTH");
}

TEST_F(LinkBySentinel, ASentinelThatAsksForAPasswordGetsItsOwn) {
    watch_over("of-sentinels");
    where.sentinel.password = "of-sentinels";
    start(where);
    ASSERT_TRUE(until([&] { return l->up(); })) << l->state();
    EXPECT_EQ(sentinel.commands, (std::vector<std::string>{"AUTH", "SENTINEL"}));
}

TEST_F(LinkBySentinel, OrRedisOwnWhereNoneIsConfigured) {
    watch_over("of-both");
    where.password = "of-both";
    start(where);
    ASSERT_TRUE(until([&] { return l->up(); })) << l->state();
    EXPECT_EQ(sentinel.commands, (std::vector<std::string>{"SENTINEL", "AUTH", "SENTINEL"}));
}

TEST_F(LinkBySentinel, ASentinelsOwnWordsAreTold) {
    watch_over("x");
    start(where);
    EXPECT_TRUE(until([&] { return l->state().find("NOAUTH") != std::string::npos; })) << l->state();
    EXPECT_NE(l->state().find("redis.sentinel.password"), std::string::npos) << l->state();
    known = true;
    refusal = "-LOADING Redis is loading\r\n";
    EXPECT_TRUE(until([&] { return l->state().find("LOADING") != std::string::npos; })) << l->state();
    refusal = "*-1\r\n";
    EXPECT_TRUE(until([&] { return l->state().find("mymaster") != std::string::npos; })) << l->state();
    refusal.clear();
    EXPECT_TRUE(until([&] { return l->up(); })) << l->state();
}

TEST_F(Link, AReplicaIsNotTakenForAMaster) {
    redis.answer = [](const std::string& c) {
        return c == "ROLE" ? std::string("*1\r\n$5\r\nslave\r\n") : fake_redis::healthy(c);
    };
    start();
    EXPECT_TRUE(until([&] { return l->state().find("READONLY") != std::string::npos; })) << l->state();
    redis.answer = fake_redis::healthy;
    EXPECT_TRUE(until([&] { return l->up(); })) << "and it is asked again";
}

TEST_F(Link, AMasterThatBecameAReplicaIsLeft) {
    start();
    ASSERT_TRUE(until([&] { return l->up(); }));
    redis.answer = [](const std::string& c) {
        return c == "SET" ? std::string("-READONLY You can't write\r\n") : fake_redis::healthy(c);
    };
    bool error = false;
    l->send({"SET", "a", "b"}, [&](proto::reply_view r) { error = r.is_error(); });
    EXPECT_TRUE(until([&] { return downs == 1 && ups == 2; }));
    EXPECT_TRUE(error);
}

TEST_F(Link, AConnectionThatStoodStillIsWellAgainOnceRepliesArePrompt) {
    constexpr auto never = std::chrono::steady_clock::time_point::max();
    start();
    ASSERT_TRUE(until([&] { return l->up(); }));
    const auto before = l->well_since();
    redis.answer = [](const std::string& c) { return c == "ECHO" ? std::string() : fake_redis::healthy(c); };
    bool late = false;
    l->send({"ECHO"}, [&](proto::reply_view) { late = true; });
    EXPECT_TRUE(until([&] { return l->well_since() == never; })) << "no reply within a second";
    redis.send(fake_redis::healthy("ECHO"));
    ASSERT_TRUE(until([&] { return late; }));
    EXPECT_EQ(l->well_since(), never) << "that reply came late";
    redis.answer = fake_redis::healthy;
    bool prompt = false;
    l->send({"ECHO"}, [&](proto::reply_view) { prompt = true; });
    ASSERT_TRUE(until([&] { return prompt; }));
    EXPECT_GT(l->well_since(), before);
    EXPECT_NE(l->well_since(), never);
    EXPECT_EQ(ups, 1) << "on the same connection";
}

TEST_F(Link, ARedialToTheSameProcessLeavesItAsWellAsItWas) {
    start();
    ASSERT_TRUE(until([&] { return l->up(); }));
    const auto before = l->well_since();
    l->redial("to be sure");
    ASSERT_TRUE(until([&] { return ups == 2; }));
    EXPECT_EQ(downs, 1);
    EXPECT_EQ(l->well_since(), before);
    l->reset("no answer");
    ASSERT_TRUE(until([&] { return ups == 3; }));
    EXPECT_GT(l->well_since(), before) << "a connection that failed is well only from now on";
}

TEST_F(Link, ARedialToAnotherProcessDoesNot) {
    start();
    ASSERT_TRUE(until([&] { return l->up(); }));
    const auto before = l->well_since();
    redis.answer = [](const std::string& c) {
        const std::string text = "run_id:def\r\nredis_version:7.0.15\r\n";
        return c == "INFO" ? "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n" : fake_redis::healthy(c);
    };
    l->redial("to be sure");
    ASSERT_TRUE(until([&] { return ups == 2; }));
    EXPECT_GT(l->well_since(), before);
}

TEST_F(Link, ARedialThatTakesLongDoesNot) {
    start();
    ASSERT_TRUE(until([&] { return l->up(); }));
    const auto before = l->well_since();
    redis.answer = [](const std::string& c) { return c == "ROLE" ? std::string() : fake_redis::healthy(c); };
    l->redial("to be sure");
    ASSERT_TRUE(until([&] { return redis.connections == 2 && redis.commands.back() == "ROLE"; }));
    (void)until([] { return false; }, 1100ms);
    redis.send(fake_redis::healthy("ROLE"));
    ASSERT_TRUE(until([&] { return ups == 2; }));
    EXPECT_GT(l->well_since(), before);
}

TEST_F(Link, AConnectionThatIsLostAtOnceEachTimeIsNotMadeEveryMoment) {
    redis.answer = [](const std::string& c) { return c == "ECHO" ? std::string("-MASTERDOWN\r\n") : fake_redis::healthy(c); };
    start();
    const auto end = std::chrono::steady_clock::now() + 2s;
    for (int asked = 0; std::chrono::steady_clock::now() < end;) {
        ASSERT_TRUE(until([&] { return ups > asked || std::chrono::steady_clock::now() > end; }));
        asked = ups;
        l->send({"ECHO", "x"});
    }
    EXPECT_GT(ups, 2);
    EXPECT_LT(ups, 12) << "without a pause that grows it would be more than 40";
}

TEST_F(Link, ACommandThatIsNotAnsweredIsADeadConnection) {
    start();
    ASSERT_TRUE(until([&] { return l->up(); }));
    redis.answer = [](const std::string& c) { return c == "ECHO" ? std::string() : fake_redis::healthy(c); };
    bool null = false;
    l->send({"ECHO"}, [&](proto::reply_view r) { null = r.is_null(); });
    EXPECT_TRUE(until([&] { return null; }, 6s));
    EXPECT_EQ(numbers.redis_errors.at({"no_answer"}), 1);
}

}  // namespace
}  // namespace wsidecar::redis
