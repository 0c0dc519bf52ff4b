#include "sidecar/core/hub.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace wsidecar::core {
namespace {

connection_ptr make(std::string id, std::string user, std::vector<std::string> groups = {},
                    std::vector<std::string> aliases = {}) {
    connection_ptr c(new connection);
    c->id = std::move(id);
    c->user = std::move(user);
    c->groups = std::move(groups);
    c->aliases = std::move(aliases);
    return c;
}

struct Hub : testing::Test {
    hub h;
    void SetUp() override {
        h.enter(make("1", "alice", {"t1"}, {"userId=42"}));
        h.enter(make("2", "alice", {"t1", "t2"}));
        h.enter(make("3", "bob", {"t2"}));
        h.enter(make("4", ""));
    }
    std::string matched(const proto::addresses& to, const proto::addresses& except = {}) {
        std::vector<std::string> ids;
        h.match(to, except, [&](connection& c) { ids.push_back(c.id); });
        std::sort(ids.begin(), ids.end());
        std::string all;
        for (const auto& id : ids) {
            all += id;
        }
        return all;
    }
};

TEST_F(Hub, FindsEachConnectionOfAUser) {
    EXPECT_EQ(matched({.users = {"alice"}}), "12");
}

TEST_F(Hub, FindsByAliasGroupAndConnection) {
    EXPECT_EQ(matched({.aliases = {"userId=42"}}), "1");
    EXPECT_EQ(matched({.groups = {"t2"}}), "23");
    EXPECT_EQ(matched({.connections = {"4", "none"}}), "4");
}

TEST_F(Hub, AnAliasIsNoUserAndAUserNoAlias) {
    EXPECT_EQ(matched({.users = {"userId=42"}}), "");
    EXPECT_EQ(matched({.aliases = {"alice"}}), "");
}

TEST_F(Hub, AConnectionThatMatchesSeveralTimesIsMatchedOnce) {
    EXPECT_EQ(matched({.users = {"alice", "alice"}, .groups = {"t1", "t2"}, .connections = {"1"}}), "123");
}

TEST_F(Hub, ExceptTakesAwayWhatToNames) {
    EXPECT_EQ(matched({.all = true}, {.users = {"alice"}}), "34");
    EXPECT_EQ(matched({.groups = {"t1", "t2"}}, {.connections = {"2"}}), "13");
    EXPECT_EQ(matched({.all = true}, {.all = true}), "");
}

TEST_F(Hub, ALeaverIsFoundNoMore) {
    h.leave(*h.find("2"));
    EXPECT_EQ(matched({.groups = {"t1", "t2"}}), "13");
    EXPECT_EQ(h.size(), 3U);
    EXPECT_EQ(h.find("2"), nullptr);
}

TEST_F(Hub, LeavingTwiceOrNeverHavingEnteredChangesNothing) {
    const auto stranger = make("2", "alice");
    h.leave(*stranger);
    EXPECT_EQ(matched({.users = {"alice"}}), "12");
}

TEST_F(Hub, AUsersConnectionsAreFoundUntilTheyLeaveInWhateverOrder) {
    std::string order = "5678";
    do {
        hub some;
        for (const char id : order) {
            some.enter(make(std::string(1, id), "dave"));
        }
        std::string left = "5678";
        for (const char id : std::string("5678")) {
            some.leave(*some.find(std::string(1, id)));
            left.erase(left.find(id), 1);
            std::string found;
            some.match({.users = {"dave"}}, {}, [&](connection& c) { found += c.id; });
            std::sort(found.begin(), found.end());
            std::string all;
            some.match({.all = true}, {}, [&](connection& c) { all += c.id; });
            std::sort(all.begin(), all.end());
            EXPECT_EQ(found, left) << order;
            EXPECT_EQ(all, left) << order;
        }
        EXPECT_EQ(some.users(), 0U);
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(Hub, RenamingMovesAConnectionToItsNewNames) {
    h.rename(*h.find("4"), [](connection& c) {
        c.user = "carol";
        c.groups = {"t1"};
    });
    EXPECT_EQ(matched({.users = {"carol"}}), "4");
    EXPECT_EQ(matched({.groups = {"t1"}}), "124");
    h.rename(*h.find("4"), [](connection& c) { c.groups.clear(); });
    EXPECT_EQ(matched({.groups = {"t1"}}), "12");
}

TEST_F(Hub, RenamingOutsideTheHubDoesNotEnterIt) {
    const auto stranger = make("9", "x");
    h.rename(*stranger, [](connection& c) { c.user = "alice"; });
    EXPECT_EQ(matched({.users = {"alice"}}), "12");
}

TEST(HubOfThousands, AgreesWithAMapWhateverComesAndGoes) {
    hub h;
    std::map<std::string, connection_ptr> by_id;
    std::map<std::string, std::set<std::string>> of_user;
    std::mt19937 dice(7);  // NOLINT: the same each time
    for (int i = 0; i < 20'000; ++i) {
        const std::string id = "c" + std::to_string(dice() % 1000);
        if (const auto it = by_id.find(id); it != by_id.end()) {
            of_user[it->second->user].erase(id);
            h.leave(*it->second);
            by_id.erase(it);
            continue;
        }
        const auto c = make(id, "user-" + std::to_string(dice() % 100));
        h.enter(c);
        of_user[c->user].insert(id);
        by_id.emplace(id, c);
    }
    EXPECT_EQ(h.size(), by_id.size());
    for (int i = 0; i < 1000; ++i) {
        const std::string id = "c" + std::to_string(i);
        const auto it = by_id.find(id);
        EXPECT_EQ(h.find(id), it == by_id.end() ? nullptr : it->second.get()) << id;
    }
    for (const auto& [user, ids] : of_user) {
        std::set<std::string> found;
        h.match({.users = {user}}, {}, [&](connection& c) { found.insert(c.id); });
        EXPECT_EQ(found, ids) << user;
        EXPECT_EQ(h.has_user(user), !ids.empty()) << user;
    }
}

}  // namespace
}  // namespace wsidecar::core
