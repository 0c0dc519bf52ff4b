#include "sidecar/app/admin_server.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace wsidecar::app {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using namespace std::chrono_literals;

struct AdminServer : testing::Test {
    AdminServer() {
        server.route("GET", "/metrics", admin_server::access::everybody, [](const admin_request&, admin_respond r) {
            r({200, "all is well"});
        });
        server.route(
            "POST", "/push", admin_server::access::operators,
            [this](const admin_request& q, admin_respond r) {
                pushed.push_back(q.body.size());
                r({202, "{}"});
            },
            1 << 20);
        server.on_bound = [this](const char* what) { ++bounds[what]; };
        server.set_access("secret", true);
        server.start("127.0.0.1:0");
    }
    ~AdminServer() override { server.stop(); }

    void turn(std::chrono::milliseconds d = 20ms) {
        loop.restart();
        loop.run_for(d);
    }
    std::unique_ptr<tcp::socket> connect() {
        auto s = std::make_unique<tcp::socket>(loop);
        s->connect(server.endpoint());
        s->non_blocking(true);
        turn(2ms);
        return s;
    }
    void say(tcp::socket& s, std::string_view bytes) {
        boost::system::error_code ignored;
        s.write_some(asio::buffer(bytes), ignored);
        turn();
    }
    /// What has come; "end" behind it once the connection has ended.
    std::string heard(tcp::socket& s) {
        std::string all;
        char part[4096];
        boost::system::error_code ec;
        while (const auto n = s.read_some(asio::buffer(part), ec)) {
            all.append(part, n);
        }
        return ec == asio::error::would_block ? all : all + "end";
    }
    std::string in_pieces(std::string_view bytes) {
        auto s = connect();
        for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(3, bytes.size()))) {
            boost::system::error_code ignored;
            s->write_some(asio::buffer(bytes.substr(0, 3)), ignored);
            turn(2ms);
        }
        turn();
        return heard(*s);
    }
    std::string ask(std::string_view bytes) {
        auto s = connect();
        say(*s, bytes);
        return heard(*s);
    }

    asio::io_context loop;
    admin_server server{loop};
    std::vector<std::size_t> pushed;
    std::map<std::string, int> bounds;
};

TEST_F(AdminServer, AHealthCheckMayBeginWithAProxyHeader) {
    using namespace std::string_literals;
    const std::string get = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const std::string local = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"s;
    const std::string fields = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10\xC0\0\2\1\xC6\x33\x64\7\xDC\4\1\xBB\3\0\1x"s;
    for (const auto& header : {local, fields, "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n"s, "PROXY UNKNOWN\r\n"s}) {
        EXPECT_TRUE(ask(header + get).starts_with("HTTP/1.1 200")) << header;
        EXPECT_TRUE(in_pieces(header + get).starts_with("HTTP/1.1 200")) << header;
        EXPECT_TRUE(
            ask(header + "POST /push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}").starts_with("HTTP/1.1 403"))
            << "it was led here: no operator on loopback";
    }
    EXPECT_TRUE(in_pieces("POST /push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}").starts_with("HTTP/1.1 202"))
        << "not every P is the first of PROXY";
    EXPECT_TRUE(ask(local + get + get).find("200", 20) != std::string::npos) << "the next request comes without";
    EXPECT_EQ(ask("\r\n\r\n\0\r\nQUIT\n\x31\0\0\0"s + get), "end") << "a version that does not exist";
    EXPECT_EQ(ask("PROXY nonsense\r\n" + get), "end");
    EXPECT_EQ(ask("\r\n\r\n\0\r\nQUIT\n\x20\0\xFF\xFF"s + get), "end") << "longer than a header may be";
}

TEST_F(AdminServer, WhoMayNotAskIsAnsweredBeforeHisBodyIsRead) {
    const std::string body = "Content-Length: 1000000\r\n\r\n";
    EXPECT_TRUE(ask("POST /nothing HTTP/1.1\r\nHost: localhost\r\n" + body).starts_with("HTTP/1.1 404"));
    EXPECT_TRUE(ask("POST /metrics HTTP/1.1\r\nHost: localhost\r\n" + body).starts_with("HTTP/1.1 405"));
    EXPECT_TRUE(ask("POST /push HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil\r\n" + body).starts_with("HTTP/1.1 403"));
    EXPECT_TRUE(ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n" + body).starts_with("HTTP/1.1 413")) << "more than it takes";
    EXPECT_TRUE(pushed.empty());
    EXPECT_EQ(server.body_bytes(), 0U);
}

TEST_F(AdminServer, ABodyIsTakenUpToItsLimit) {
    EXPECT_TRUE(ask("POST /push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello").starts_with("HTTP/1.1 202"));
    EXPECT_TRUE(ask("POST /push HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
                    .starts_with("HTTP/1.1 202"));
    EXPECT_TRUE(ask("POST /push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n").starts_with("HTTP/1.1 413"));
    EXPECT_EQ(pushed, (std::vector<std::size_t>{5, 5}));
    EXPECT_EQ(server.body_bytes(), 0U);
}

TEST_F(AdminServer, BodiesTogetherHaveABound) {
    std::vector<std::unique_ptr<tcp::socket>> all;
    for (int i = 0; i < 17; ++i) {
        all.push_back(connect());
        say(*all.back(), "POST /push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\r\nbegun");
    }
    EXPECT_EQ(server.body_bytes(), admin_bodies_at_most);
    EXPECT_TRUE(heard(*all.back()).starts_with("HTTP/1.1 503"));
    EXPECT_EQ(bounds["admin_bodies"], 1);
    all.clear();
    turn();
    EXPECT_EQ(server.body_bytes(), 0U);
}

TEST_F(AdminServer, ANewcomerTakesThePlaceOfTheLongestIdle) {
    std::vector<std::unique_ptr<tcp::socket>> idle;
    for (std::size_t i = 0; i < admin_connections_at_most; ++i) {
        idle.push_back(connect());
    }
    EXPECT_EQ(server.connections(), admin_connections_at_most);
    say(*idle[0], "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");  // no longer the first
    EXPECT_TRUE(ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 200"));
    turn();
    EXPECT_EQ(heard(*idle[1]), "end");
    EXPECT_FALSE(heard(*idle[0]).ends_with("end"));
    EXPECT_LE(server.connections(), admin_connections_at_most);
    EXPECT_EQ(bounds["admin_connections"], 1);
}

TEST_F(AdminServer, LoopbackAloneIsNoOperatorWhereItIsNotTrusted) {
    const std::string push = "POST /push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n";
    server.set_access("secret", false);
    EXPECT_TRUE(ask(push + "\r\nx").starts_with("HTTP/1.1 403"));
    EXPECT_TRUE(ask(push + "Authorization: Bearer secret\r\n\r\nx").starts_with("HTTP/1.1 202"));
    EXPECT_TRUE(ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 200"));
    server.set_access("secret", true);
    EXPECT_TRUE(ask(push + "\r\nx").starts_with("HTTP/1.1 202"));
}

}  // namespace
}  // namespace wsidecar::app
