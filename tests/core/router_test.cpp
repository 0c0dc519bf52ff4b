#include "sidecar/core/router.hpp"

#include <gtest/gtest.h>

namespace wsidecar::core {
namespace {

using sockjs_place = proto::sockjs::place;

struct Router : testing::Test {
    config::config c;
    Router() { c.routes.clear(); }
    config::route& add(const std::string& path, config::choice<config::client_protocol> protocol = "raw") {
        config::route r;
        r.path = path;
        r.protocol = protocol;
        c.routes.push_back(r);
        return c.routes.back();
    }
    /// The route's path, what is asked for, and what of the path is the route's.
    std::string found(const std::string& path) {
        const auto m = router(c)(path);
        if (m.route == nullptr) {
            return "nothing";
        }
        std::string out = m.route->path + " " + std::to_string(static_cast<int>(m.place)) + " " + path.substr(0, m.base);
        for (const auto& [name, value] : m.variables) {
            out += " " + name + "=" + value;
        }
        return m.session.empty() ? out : out + " session " + m.session;
    }
    static std::string as(sockjs_place p) { return std::to_string(static_cast<int>(p)); }
};

TEST_F(Router, APlainRouteIsItsPathAlone) {
    add("/ws/{room}");
    EXPECT_EQ(found("/ws/a"), "/ws/{room} 0 /ws/a room=a");
    EXPECT_EQ(found("/ws/a/info"), "nothing");
    EXPECT_EQ(found("/ws"), "nothing");
}

TEST_F(Router, ASockJsRouteStandsForAllThatSockJsHasBelowIt) {
    add("/s/{room}", "sockjs");
    const std::string start = "/s/{room} ";
    const std::string end = " /s/a%20b room=a b";
    EXPECT_EQ(found("/s/a%20b"), start + as(sockjs_place::greeting) + end);
    EXPECT_EQ(found("/s/a%20b/"), start + as(sockjs_place::greeting) + end);
    EXPECT_EQ(found("/s/a%20b/info"), start + as(sockjs_place::info) + end);
    EXPECT_EQ(found("/s/a%20b/iframe-1.6.1.html"), start + as(sockjs_place::iframe) + end);
    EXPECT_EQ(found("/s/a%20b/websocket"), start + as(sockjs_place::raw_websocket) + end);
    EXPECT_EQ(found("/s/a%20b/0/x1/websocket"), start + as(sockjs_place::websocket) + end + " session x1");
    EXPECT_EQ(found("/s/a%20b/0/x1/xhr_send"), start + as(sockjs_place::xhr_send) + end + " session x1");
    EXPECT_EQ(found("/s/a%20b/0/x1/jsonp"), start + as(sockjs_place::unsupported) + end + " session x1");
    EXPECT_EQ(found("/s/a%20b/0.1/x1/xhr"), start + as(sockjs_place::unsupported) + end + " session x1");
    EXPECT_EQ(found("/s/a%20b/0/x1/ftp"), "nothing");
    EXPECT_EQ(found("/s/a%20b/0/x1/xhr/"), "nothing");
    EXPECT_EQ(found("/s/a%20b/0//xhr"), "nothing");
}

TEST_F(Router, ItMayBeTheRoot) {
    add("/", "sockjs");
    EXPECT_EQ(found("/"), "/ " + as(sockjs_place::greeting) + " ");
    EXPECT_EQ(found("/info"), "/ " + as(sockjs_place::info) + " ");
    EXPECT_EQ(found("/0/x1/xhr"), "/ " + as(sockjs_place::xhr) + "  session x1");
}

TEST_F(Router, TheMostSpecificPatternWinsWhoeverItBelongsTo) {
    add("/{any}", "sockjs");
    add("/a/{rest...}");
    add("/b", "stomp").sockjs = true;
    add("/b/iframe-1.html");
    EXPECT_EQ(found("/x/info"), "/{any} " + as(sockjs_place::info) + " /x any=x");
    EXPECT_EQ(found("/a/info"), "/a/{rest...} 0 /a/info rest=info");
    EXPECT_EQ(found("/b/info"), "/b " + as(sockjs_place::info) + " /b");
    EXPECT_EQ(found("/b/iframe.html"), "/b " + as(sockjs_place::iframe) + " /b");
}

}  // namespace
}  // namespace wsidecar::core
