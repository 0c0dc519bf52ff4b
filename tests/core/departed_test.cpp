#include "sidecar/core/departed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.hpp"

namespace wsidecar::core {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

struct Departed : testing::Test {
    config::route route;
    departed all;
    timer_port::clock::time_point now{};

    connection_ptr make(const char* id, const char* user, std::vector<std::string> groups,
                        std::vector<std::string> aliases = {}) {
        connection_ptr c(new connection);
        c->id = id;
        c->route = &route;
        c->user = user;
        c->groups = std::move(groups);
        c->aliases = std::move(aliases);
        return c;
    }
    std::vector<std::string> missed(const proto::addresses& to, place at, const proto::addresses& except = {}) {
        std::vector<std::string> names;
        all.name_missed(to, except, at, now, names);
        return names;
    }
    static proto::addresses group(const char* name) {
        proto::addresses to;
        to.groups = {name};
        return to;
    }
};

TEST_F(Departed, AMemberIsMissedByWhatWasRoutedBeforeTheRegistryTookItOut) {
    all.add(*make("1", "alice", {"g"}), now);
    EXPECT_THAT(missed(group("g"), {99, 0}), ElementsAre("ualice")) << "the registry has not answered";
    all.retired("1", {5, 2});
    EXPECT_THAT(missed(group("g"), {5, 2}), ElementsAre("ualice"));
    EXPECT_THAT(missed(group("g"), {5, 3}), IsEmpty()) << "routed without it";
    EXPECT_THAT(missed(group("h"), {5, 2}), IsEmpty());
    now += 11s;
    EXPECT_THAT(missed(group("g"), {5, 2}), IsEmpty()) << "all of that has been read";
}

TEST_F(Departed, WhoHasNoUserIsKnownByAllAliasesAndWhoHasNoneByNothing) {
    all.add(*make("1", "", {"g"}, {"b", "a"}), now);
    all.add(*make("2", "", {"g"}), now);
    using namespace std::string_literals;
    EXPECT_THAT(missed(group("g"), {1, 0}), ElementsAre("ma\0b"s));
}

TEST_F(Departed, ExceptAndRouteCount) {
    route.name = "notices";
    all.add(*make("1", "alice", {"g"}), now);
    proto::addresses except;
    except.users = {"alice"};
    EXPECT_THAT(missed(group("g"), {1, 0}, except), IsEmpty());
    except.routes = {"messages"};
    EXPECT_THAT(missed(group("g"), {1, 0}, except), ElementsAre("ualice"));
    auto to = group("g");
    to.routes = {"messages"};
    EXPECT_THAT(missed(to, {1, 0}), IsEmpty());
    proto::addresses everybody;
    everybody.all = true;
    EXPECT_THAT(missed(everybody, {1, 0}), ElementsAre("ualice"));
}

}  // namespace
}  // namespace wsidecar::core
