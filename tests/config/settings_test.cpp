#include "config/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace wsidecar::config {
namespace {

using testing::HasSubstr;

template <class Table>
const auto& entry(const Table& table, const std::string& key) {
    const auto at = std::find_if(table.begin(), table.end(), [&](const auto& s) { return s.key == key; });
    EXPECT_NE(at, table.end()) << key;
    return *at;
}

template <class Table, class Struct>
void expect_each_sets_what_it_gets(const Table& table, const Struct& defaults) {
    for (const auto& s : table) {
        Struct other = defaults;
        EXPECT_EQ(s.set(other, s.get(defaults)), std::nullopt) << s.key;
        EXPECT_EQ(s.get(other), s.get(defaults)) << s.key;
    }
}

TEST(Settings, EachTakesItsOwnDefault) {
    expect_each_sets_what_it_gets(settings(), config{});
    expect_each_sets_what_it_gets(route_settings(), route{});
}

TEST(Settings, EachChangesItsOwnMemberOnly) {
    for (const auto& s : settings()) {
        config c;
        std::vector<std::string> value;
        switch (s.type) {
            case kind::text: value = {"/other"}; break;
            case kind::boolean: value = {s.get(c).front() == "true" ? "false" : "true"}; break;
            case kind::number: value = {"33"}; break;
            case kind::duration: value = {"77s"}; break;
            case kind::size: value = {"7777"}; break;
            case kind::percent: value = {"77%"}; break;
            case kind::share: value = {"0.77"}; break;
            case kind::choice: value = {s.choices.front() == s.get(c).front() ? s.choices.at(1) : s.choices.front()}; break;
            case kind::texts: value = {s.choices.empty() ? "other" : s.choices.front()}; break;
        }
        ASSERT_EQ(s.set(c, value), std::nullopt) << s.key;
        for (const auto& o : settings()) {
            if (o.key == s.key) {
                EXPECT_EQ(o.get(c), value) << s.key;
            } else {
                EXPECT_EQ(o.get(c), o.get(config{})) << s.key << " changed " << o.key;
            }
        }
    }
}

TEST(Settings, KeysAndVariablesAreUniqueAndExplained) {
    std::set<std::string> keys;
    std::set<std::string> variables;
    for (const auto& s : settings()) {
        EXPECT_TRUE(keys.insert(s.key).second) << s.key;
        EXPECT_TRUE(variables.insert(environment_name(s.key)).second) << s.key;
        EXPECT_FALSE(s.help.empty()) << s.key;
        EXPECT_THAT(s.key, testing::MatchesRegex("[a-z_.]+"));
    }
    for (const auto& s : route_settings()) {
        EXPECT_FALSE(s.help.empty()) << s.key;
    }
}

TEST(Settings, TheEnvironmentHasTheNamesOfTheContract) {
    EXPECT_EQ(environment_name("redis.url"), "WSIDECAR_REDIS_URL");
    EXPECT_EQ(environment_name("app.retry.down_deadline"), "WSIDECAR_APP_RETRY_DOWN_DEADLINE");
}

TEST(Settings, WhatHoldsASecretSaysSo) {
    for (const char* key : {"redis.url", "redis.password", "app.signing_secret"}) {
        EXPECT_TRUE(entry(settings(), key).secret) << key;
    }
}

TEST(Settings, WhatSocketsAndKeysHangOnNeedsARestart) {
    for (const char* key :
         {"listen.address", "admin.address", "redis.url", "prefix", "lease", "channels", "outbox.key", "outbox.pop"}) {
        EXPECT_FALSE(entry(settings(), key).live) << key;
    }
    EXPECT_TRUE(entry(settings(), "ping").live);
}

TEST(Settings, AWrongValueIsToldWithWhatWouldBeRight) {
    struct {
        const char* key;
        const char* value;
        const char* said;
    } const cases[] = {{"lease", "15", "a duration like"},       {"lease", "999ms", "at least 1s"},
                       {"lease", "100000h", "at most 87840h"},   {"ping", "99999999999999999999s", "at most 87840h"},
                       {"limits.message", "1MB", "a size like"}, {"limits.message", "0", "at least"},
                       {"max_connections", "0", "from 1 to"},    {"max_connections", "1e3", "whole number"},
                       {"limits.memory", "80", "from 1% to"},    {"limits.memory", "0%", "from 1% to"},
                       {"limits.memory", "101%", "from 1% to"},  {"limits.memory", "%", "from 1% to"},
                       {"http", "Pass", "reject, pass"},         {"readyz.app", "yes", "true or false"},
                       {"channels", "users", "user, alias"}};
    for (const auto& c : cases) {
        config values;
        const auto wrong = entry(settings(), c.key).set(values, {c.value});
        ASSERT_TRUE(wrong) << c.key << ": " << c.value;
        EXPECT_THAT(*wrong, HasSubstr(c.said)) << c.key << ": " << c.value;
        EXPECT_EQ(entry(settings(), c.key).get(values), entry(settings(), c.key).get(config{})) << c.key;
    }
}

TEST(Settings, OneValueIsNotSeveral) {
    config c;
    EXPECT_TRUE(entry(settings(), "lease").set(c, {"1s", "2s"}));
    EXPECT_TRUE(entry(settings(), "prefix").set(c, {}));
    EXPECT_FALSE(entry(settings(), "origins").set(c, {"https://a.example", "https://b.example"}));
}

}  // namespace
}  // namespace wsidecar::config
