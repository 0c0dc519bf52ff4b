#include "config/load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "config/settings.hpp"

namespace wsidecar::config {
namespace {

using testing::HasSubstr;

std::string file_text(const std::string& name) {
    std::ifstream in(std::string(WSIDECAR_SOURCE_DIR) + "/" + name);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

std::vector<std::string> texts(const loaded& l) {
    std::vector<std::string> out;
    for (const auto& c : l.complaints) {
        out.push_back(c.text());
    }
    return out;
}

TEST(Load, AnEmptyFileIsTheDefaults) {
    const auto l = load_text("", "f.yaml");
    EXPECT_THAT(texts(l), testing::IsEmpty());
    EXPECT_TRUE(diff(config{}, l.values).empty());
}

TEST(Load, TheAnnotatedFileIsTheDefaultsAndNamesEveryKey) {
    const std::string yaml = file_text("config/wsidecar.yaml");
    ASSERT_FALSE(yaml.empty());
    const auto l = load_text(yaml, "wsidecar.yaml");
    EXPECT_THAT(texts(l), testing::IsEmpty());
    for (const auto& c : diff(config{}, l.values)) {
        ADD_FAILURE() << c.key << " is " << c.to << ", the default is " << c.from;
    }
    for (const auto& s : settings()) {
        const auto leaf = s.key.substr(s.key.rfind('.') + 1);
        EXPECT_THAT(yaml, HasSubstr(leaf + ":")) << s.key;
    }
    for (const auto& s : route_settings()) {
        const auto leaf = s.key.substr(s.key.rfind('.') + 1);
        EXPECT_THAT(yaml, testing::AnyOf(HasSubstr(leaf + ":"), HasSubstr(leaf))) << s.key;
    }
}

TEST(Load, TheExamplesInItsCommentsAreTaken) {
    std::istringstream in(file_text("config/wsidecar.yaml"));
    std::string yaml;
    bool routes = false;
    for (std::string line; std::getline(in, line);) {
        routes = routes || line == "routes:";
        const auto mark = line.find("# ");
        const bool example = routes && mark != std::string::npos && mark > 0 && line.find_first_not_of(' ') == mark &&
                             (line.find(": ") != std::string::npos) && line.back() != ':';
        yaml += (example                 ? line.erase(mark, 2)
                 : line == "sources: []" ? "sources:"
                 : line == "history: []" ? "history:"
                                         : line) +
                '\n';
    }
    const auto l = load_text(yaml, "examples");
    EXPECT_THAT(texts(l), testing::IsEmpty()) << yaml;
    ASSERT_EQ(l.values.routes.size(), 2U);
    EXPECT_EQ(l.values.routes[0].origins, std::vector<std::string>{"https://shop.example"});
    EXPECT_EQ(l.values.routes[1].event_path, "/table-events/{table}/{event}");
    ASSERT_EQ(l.values.sources.size(), 3U);
    EXPECT_EQ(l.values.sources[0].delivered.body, "/messageVOS/*/id");
    EXPECT_EQ(l.values.sources[1].key_format.word(), "jdk");
    EXPECT_EQ(l.values.sources[2].field, "payload");
    ASSERT_EQ(l.values.history.size(), 1U);
    EXPECT_EQ(l.values.history[0].name, "group:table-*");
    EXPECT_EQ(l.values.history[0].age, std::chrono::minutes(10));
}

TEST(Load, WhatIsWrongWithAHistoryIsSaidWhereItStands) {
    const auto l = load_text("history:\n  - {name: all}\n  - {name: user:x}\n", "f");
    EXPECT_THAT(texts(l), testing::ElementsAre(testing::StartsWith("f:3:5: 'name' of an entry of 'history'")));
    EXPECT_THAT(texts(load_text("history: {name: all}\n", "f")), testing::ElementsAre(testing::HasSubstr("is a list")));
}

TEST(Load, WhatIsWrongWithASourceIsSaidWhereItStands) {
    const auto wrong = [](const std::string& source) {
        const auto all = texts(load_text("sources:\n  - " + source + "\n", "f"));
        return all.empty() ? std::string() : all.front();
    };
    EXPECT_EQ(wrong("{channel: c, to: {user: \"{/a}\"}}"), "");
    EXPECT_EQ(wrong("{pattern: \"c.*.*\", to: {group: \"{2}\", all: false}}"), "");
    EXPECT_THAT(wrong("{channel: c, list: l, to: {all: true}}"), testing::HasSubstr("f:2:5: a source has one of"));
    EXPECT_THAT(wrong("{channel: c}"), testing::HasSubstr("needs 'to'"));
    EXPECT_THAT(wrong("{channel: \"wsidecar:push\", to: {all: true}}"), testing::HasSubstr("under 'prefix'"));
    EXPECT_THAT(wrong("{pattern: \"c.*\", to: {group: \"{2}\"}}"), testing::HasSubstr("{2} is neither"));
    EXPECT_THAT(wrong("{channel: c, to: {user: \"{user}\"}}"), testing::HasSubstr("{user} is neither"));
    EXPECT_THAT(wrong("{channel: c, to: {user: \"{/a\"}}"), testing::HasSubstr("brace"));
    EXPECT_THAT(wrong("{channel: c, to: {all: true}, data: a}"), testing::HasSubstr("JSON Pointer"));
    EXPECT_THAT(wrong("{channel: c, to: {all: true}, delivered: {post: /x}}"), testing::HasSubstr("'delivered'"));
    EXPECT_THAT(wrong("{list: l, to: {all: true}, echo: false}"), testing::HasSubstr("for channels"));
    EXPECT_EQ(wrong("{stream: s, field: f, group: g, from: start, key_format: jdk, to: {user: \"{/a}\", group: "
                    "\"{entry/b}-{channel}\"}}"),
              "");
    EXPECT_THAT(wrong("{stream: s, channel: c, to: {all: true}}"), testing::HasSubstr("a source has one of"));
    EXPECT_THAT(wrong("{stream: \"wsidecar:x\", to: {all: true}}"), testing::HasSubstr("under 'prefix'"));
    EXPECT_THAT(wrong("{stream: s, to: {all: true}, echo: false}"), testing::HasSubstr("for channels"));
    EXPECT_THAT(wrong("{stream: s, to: {all: true}, from: middle}"), testing::HasSubstr("'from'"));
    EXPECT_THAT(wrong("{stream: s, to: {user: \"{entry}\"}}"), testing::HasSubstr("like {entry/userId}"));
    EXPECT_THAT(wrong("{list: l, to: {user: \"{entry/a}\"}}"), testing::HasSubstr("is neither"));
    for (const auto* of_stream : {"field: f", "group: g", "from: start"}) {
        EXPECT_THAT(wrong(std::string("{list: l, to: {all: true}, ") + of_stream + "}"), testing::HasSubstr("are for streams"));
    }
    EXPECT_THAT(wrong("{stream: s, to: {all: true}}\n  - {stream: s, to: {all: true}}"),
                testing::HasSubstr("f:3:5: the stream 's' is a source already"));
    EXPECT_THAT(wrong("{channel: c, to: {all: true}, chanel: d}"),
                testing::HasSubstr("unknown key 'chanel' (did you mean 'channel'?)"));
}

TEST(Load, WhatIsPrintedLoadsAsTheSame) {
    const auto first =
        load_text("ping: 10s\norigins: [https://a.example, \"null\"]\nroutes: [{path: \"/a/{b}\", user: \"{b}\"}]", "f");
    ASSERT_THAT(texts(first), testing::IsEmpty());
    const auto again = load_text(print(first.values), "printed");
    EXPECT_THAT(texts(again), testing::IsEmpty());
    EXPECT_TRUE(diff(first.values, again.values).empty());
    EXPECT_EQ(again.values.routes[0].user, "{b}");
}

TEST(Load, AnUnknownKeyIsNamedWithItsPlace) {
    const auto l = load_text("lease: 15s\npong_timout: 3s\n", "f.yaml");
    ASSERT_EQ(l.complaints.size(), 1U);
    EXPECT_THAT(l.complaints[0].text(), testing::StartsWith("f.yaml:2:1: unknown key 'pong_timout'"));
    EXPECT_THAT(l.complaints[0].text(), HasSubstr("pong_timeout"));
}

TEST(Load, ARepeatedKeyIsRefused) {
    const auto l = load_text("lease: 15s\nping: 3s\nlease: 16s\n", "f.yaml");
    ASSERT_EQ(l.complaints.size(), 1U);
    EXPECT_THAT(l.complaints[0].text(), testing::StartsWith("f.yaml:3:1: "));
    EXPECT_THAT(l.complaints[0].text(), HasSubstr("lease"));
}

TEST(Load, AllProblemsAreReportedInOneRun) {
    const auto l = load_text(R"(
listen: {address: 12}
lease: soon
max_connections: -1
http: maybe
limits: {message: 10, colour: red}
routes:
  - path: /ws/{a}/b
    colour: blue
    events: [connect, dance]
)",
                             "f.yaml");
    const auto all = texts(l);
    EXPECT_THAT(all, testing::Contains(testing::AllOf(testing::StartsWith("f.yaml:3:8:"), HasSubstr("lease"))));
    EXPECT_THAT(all, testing::Contains(testing::StartsWith("f.yaml:4:18:")));
    EXPECT_THAT(all, testing::Contains(testing::AllOf(testing::StartsWith("f.yaml:5:7:"), HasSubstr("pass"))));
    EXPECT_THAT(all, testing::Contains(testing::AllOf(testing::StartsWith("f.yaml:6:23:"), HasSubstr("colour"))));
    EXPECT_THAT(all, testing::Contains(testing::StartsWith("f.yaml:9:5:")));
    EXPECT_THAT(all, testing::Contains(testing::AllOf(testing::StartsWith("f.yaml:10:"), HasSubstr("events"))));
}

TEST(Load, WhatIsNoYamlIsOneComplaintWithItsPlace) {
    const auto l = load_text("listen: {address: \"x\"\nlease: [", "f.yaml");
    ASSERT_EQ(l.complaints.size(), 1U);
    EXPECT_THAT(l.complaints[0].text(), testing::StartsWith("f.yaml:"));
}

TEST(Load, FlagsOverrideTheEnvironmentWhichOverridesTheFile) {
    load_options o;
    o.environment = [](const char* name) -> const char* {
        const std::string n = name;
        return n == "WSIDECAR_PREFIX" ? "env:" : n == "WSIDECAR_LEASE" ? "7s" : nullptr;
    };
    o.flags = {{"lease", "9s"}};
    const auto l = load_text("prefix: \"file:\"\nlease: 5s\nhttp: pass\n", "f.yaml", o);
    EXPECT_THAT(texts(l), testing::IsEmpty());
    EXPECT_EQ(l.values.prefix, "env:");
    EXPECT_EQ(l.values.lease, 9s);
    EXPECT_EQ(l.values.http.word(), "pass");
}

TEST(Load, ABadFlagOrVariableIsNamed) {
    load_options o;
    o.environment = [](const char* name) { return std::string(name) == "WSIDECAR_PING" ? "often" : nullptr; };
    o.flags = {{"lease", "x"}};
    const auto l = load_text("", "f.yaml", o);
    EXPECT_EQ(l.complaints.size(), 2U);
    EXPECT_THAT(texts(l), testing::Contains(HasSubstr("WSIDECAR_PING")));
    EXPECT_THAT(texts(l), testing::Contains(HasSubstr("lease")));
}

TEST(Load, AVariableThatIsNearlyASettingIsNamed) {
    const auto said = misspelt_variables({"WSIDECAR_REDIS_ULR", "WSIDECAR_PING", "WSIDECAR_LIMIT_MESSAGE", "PATH"});
    ASSERT_EQ(said.size(), 2U);
    EXPECT_THAT(said[0], testing::AllOf(HasSubstr("WSIDECAR_REDIS_ULR"), HasSubstr("WSIDECAR_REDIS_URL?")));
    EXPECT_THAT(said[1], HasSubstr("WSIDECAR_LIMITS_MESSAGE?"));
}

TEST(Load, AVariableWhoseFrontIsNearlyOursIsNamed) {
    for (const auto& [name, meant] : {std::pair("wsidecar_redis_url", "WSIDECAR_REDIS_URL"),
                                      {"Wsidecar_Redis_Url", "WSIDECAR_REDIS_URL"},
                                      {"wsidecar.redis.url", "WSIDECAR_REDIS_URL"},
                                      {"WSIDECAR-REDIS-URL", "WSIDECAR_REDIS_URL"},
                                      {"WSIDECR_REDIS_URL", "WSIDECAR_REDIS_URL"},
                                      {"WSIEDCAR_REDIS_URL", "WSIDECAR_REDIS_URL"},
                                      {"WS_SIDECAR_REDIS_URL", "WSIDECAR_REDIS_URL"},
                                      {"WSIDECARREDIS_URL", "WSIDECAR_REDIS_URL"},
                                      {"wsidecr_lease", "WSIDECAR_LEASE"},
                                      {"wsidecar_redis_ulr", "WSIDECAR_REDIS_URL"},
                                      {"wsidecar_config", "WSIDECAR_CONFIG"}}) {
        const auto said = misspelt_variables({name});
        ASSERT_EQ(said.size(), 1U) << name;
        EXPECT_THAT(said[0], testing::AllOf(HasSubstr(std::string("variable ") + name + " is"),
                                            HasSubstr(std::string("did you mean ") + meant + "?")));
    }
}

TEST(Load, AVariableThatIsTheBeginningOfASettingIsNamed) {
    for (const auto& [name, meant] : {std::pair("LISTEN", "LISTEN_ADDRESS"),
                                      {"APP", "APP_URL"},
                                      {"REDIS", "REDIS_URL"},
                                      {"ADMIN", "ADMIN_ADDRESS"},
                                      {"REDIS_PASS", "REDIS_PASSWORD"},
                                      {"LOG", "LOG_LEVEL"},
                                      {"APP_ULR", "APP_URL"}}) {
        const auto said = misspelt_variables({std::string("WSIDECAR_") + name});
        ASSERT_EQ(said.size(), 1U) << name;
        EXPECT_THAT(said[0], HasSubstr(std::string("did you mean WSIDECAR_") + meant)) << name;
    }
}

TEST(Load, AVariableOfAListThatOnlyTheFileHasIsNamed) {
    for (const auto& [name, key] : {std::pair("ROUTES", "routes"),
                                    {"SOURCES", "sources"},
                                    {"HISTORY", "history"},
                                    {"ROUTES_0_PATH", "routes"},
                                    {"SOURCES_0_CHANNEL", "sources"}}) {
        const auto said = misspelt_variables({std::string("WSIDECAR_") + name});
        ASSERT_EQ(said.size(), 1U) << name;
        EXPECT_THAT(said[0], testing::AllOf(HasSubstr(std::string("WSIDECAR_") + name), HasSubstr(key),
                                            HasSubstr("only be set in the configuration file")));
    }
}

TEST(Load, VariablesOfServicesAndOfOthersAreLeftAlone) {
    EXPECT_THAT(
        misspelt_variables({"WSIDECAR_PORT", "WSIDECAR_REDIS_PORT", "WSIDECAR_REDIS_PORT_6379_TCP_ADDR",
                            "WSIDECAR_ADMIN_SERVICE_HOST", "WSIDECAR_LISTEN_SERVICE_PORT", "WSIDECAR_BIN", "WSIDECAR_CONFIG",
                            "WSIDECAR_SOMETHING_ELSE_ALTOGETHER", "WSIDECAR_" + std::string(1000, 'X')}),
        testing::IsEmpty());
    EXPECT_THAT(misspelt_variables({"SIDECAR_REDIS_URL", "SIDECARS_LEASE", "REDIS_URL", "APP_URL", "MY_WSIDECAR_REDIS_URL",
                                    "ISTIO_SIDECAR_PING", "wsidecar", "wsidecar_bin", "WEBSOCKET_REDIS_URL", "", "wsidecar_",
                                    "wsidecar_" + std::string(1000, 'x')}),
                testing::IsEmpty());
}

TEST(Load, AMissingFileIsAComplaint) {
    load_options o;
    o.file = "/nonexistent/wsidecar.yaml";
    const auto l = load(o);
    ASSERT_EQ(l.complaints.size(), 1U);
    EXPECT_THAT(l.complaints[0].text(), HasSubstr("/nonexistent/wsidecar.yaml"));
    EXPECT_THAT(l.complaints[0].text(), HasSubstr("No such file"));
}

TEST(Load, SecretsComeFromFilesAndAreMaskedWhenPrinted) {
    const std::string name = testing::TempDir() + "secret-" + std::to_string(::getpid());
    std::ofstream(name) << "hunter2\n";
    const auto l = load_text("redis: {password_file: " + name + "}\nadmin: {token_file: " + name +
                                 "}\napp: {signing_secret: whsec_c2VjcmV0c2VjcmV0}",
                             "f");
    EXPECT_THAT(texts(l), testing::IsEmpty());
    EXPECT_EQ(l.values.redis.password, "hunter2");
    EXPECT_EQ(l.values.admin.token, "hunter2");
    const auto shown = print(l.values);
    EXPECT_THAT(shown, testing::Not(HasSubstr("hunter2")));
    EXPECT_THAT(shown, testing::Not(HasSubstr("c2VjcmV0")));
    std::remove(name.c_str());
    EXPECT_THAT(texts(load_text("redis: {password_file: " + name + "}", "f")), testing::SizeIs(1));
}

TEST(Load, APasswordInTheRedisUrlIsMasked) {
    const auto l = load_text("redis: {url: \"redis://user:hunter2@r.example:6380/1\"}", "f");
    EXPECT_THAT(texts(l), testing::IsEmpty());
    EXPECT_THAT(print(l.values), testing::AllOf(testing::Not(HasSubstr("hunter2")), HasSubstr("r.example:6380")));
}

TEST(Load, ARouteTakesWhatItLeavesOutFromTheGlobalSettings) {
    const auto l =
        load_text("ping: 3s\nlimits: {message: 1KiB}\nroutes: [{path: /a}, {path: /b, ping: 4s, limits: {fragments: 3}}]", "f");
    ASSERT_THAT(texts(l), testing::IsEmpty());
    EXPECT_EQ(l.values.routes[0].ping, 3s);
    EXPECT_EQ(l.values.routes[1].ping, 4s);
    EXPECT_EQ(l.values.routes[1].limits.message, 1024U);
    EXPECT_EQ(l.values.routes[1].limits.fragments, 3U);
}

TEST(Load, ARoutesConfirmIsItsOwnOrTheOutboxs) {
    const auto l = load_text("outbox: {confirm: write}\nroutes: [{path: /a}, {path: /b, confirm: pong}]", "f");
    ASSERT_THAT(texts(l), testing::IsEmpty());
    EXPECT_EQ(l.values.routes[0].confirm.word(), "") << "left out: outbox.confirm";
    EXPECT_EQ(l.values.routes[1].confirm.word(), "pong");
    const auto again = load_text(print(l.values), "g");
    EXPECT_THAT(texts(again), testing::IsEmpty());
    EXPECT_TRUE(diff(l.values, again.values).empty());
    EXPECT_THAT(texts(load_text("routes: [{path: /a, confirm: often}]", "f")).size(), 1U);
}

TEST(Diff, SaysWhatChangedAndMasksSecrets) {
    config a;
    config b;
    b.redis.password = "hunter2";
    b.ping = 5s;
    const auto changes = diff(a, b);
    ASSERT_EQ(changes.size(), 2U);
    for (const auto& c : changes) {
        EXPECT_THAT(c.from + c.to, testing::Not(HasSubstr("hunter2"))) << c.key;
    }
}

}  // namespace
}  // namespace wsidecar::config
