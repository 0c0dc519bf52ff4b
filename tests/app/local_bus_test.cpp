#include "sidecar/app/local_bus.hpp"

#include <gtest/gtest.h>

namespace wsidecar::app {
namespace {

struct pushes : core::push_port {
    std::vector<proto::envelope> got;
    void on_push(const proto::envelope& e, const core::push_origin&) override { got.push_back(e); }
    std::vector<core::registration> enrolled() const override { return {}; }
    bool holds(const std::string&) const override { return false; }
    void on_registered(const std::string&, core::registered) override {}
    void on_fenced(core::ends_told, const std::function<bool(const std::string&)>&) override {}
    void on_gap() override {}
};

struct LocalBus : testing::Test {
    boost::asio::io_context loop;
    config::config settings;
    core::metrics numbers;
    pushes to;
    local_bus bus{loop, settings, numbers};

    LocalBus() {
        core::bus_hooks hooks;
        hooks.pushes = &to;
        bus.start(hooks);
    }
    core::enroll_result enroll(const std::string& id, const std::string& user) {
        core::enroll_result out;
        core::registration r;
        r.connection = id;
        r.user = user;
        bus.enroll(r, [&](core::enroll_result x) { out = x; });
        return out;
    }
    std::optional<std::uint32_t> retire(const std::string& id) {
        std::optional<std::uint32_t> left;
        bus.retire(core::registration::of_id(id), [&](auto n) { left = n; });
        return left;
    }
};

TEST_F(LocalBus, CountsAUsersConnections) {
    EXPECT_EQ(enroll("1", "a").user_connections, 1U);
    EXPECT_EQ(enroll("2", "a").user_connections, 2U);
    EXPECT_EQ(enroll("2", "a").user_connections, 2U) << "again is no second one";
    EXPECT_EQ(enroll("2", "b").user_connections, 1U) << "another login";
    EXPECT_EQ(retire("1"), 0U);
    EXPECT_EQ(retire("1"), std::nullopt);
}

TEST_F(LocalBus, RefusesOrEvictsOverConnectionsPerUser) {
    settings.connections_per_user = 1;
    enroll("1", "a");
    EXPECT_EQ(enroll("2", "a").outcome, core::enroll_outcome::refused);
    settings.on_excess = "close_oldest";
    EXPECT_EQ(enroll("2", "a").outcome, core::enroll_outcome::done);
    loop.run();
    ASSERT_EQ(to.got.size(), 1U);
    EXPECT_EQ(to.got[0].to.connections, std::vector<std::string>{"1"});
    EXPECT_EQ(to.got[0].close->code, 4001);
}

TEST_F(LocalBus, PushesAreDeliveredFromTheLoop) {
    bool done = false;
    bus.push(R"([{"to":{"user":"a"},"text":"1"},{"to":{"user":"a"},"text":"2"}])", [&](auto problem) { done = !problem; });
    EXPECT_TRUE(done);
    EXPECT_TRUE(to.got.empty());
    loop.run();
    ASSERT_EQ(to.got.size(), 2U);
    EXPECT_FALSE(to.got[0].id.empty());
}

}  // namespace
}  // namespace wsidecar::app
