#include "config/validate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "config/load.hpp"

namespace wsidecar::config {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct bad {
    std::string yaml;
    std::string said;  ///< how the first complaint starts, or what it holds
};

std::string first(const std::string& yaml) {
    const auto l = load_text(yaml, "f");
    return l.complaints.empty() ? "" : l.complaints.front().text();
}

std::string route(const std::string& keys) {
    return "routes:\n  - path: /ws/{table}\n    " + keys + "\n";
}

void expect_refused(const std::vector<bad>& cases) {
    for (const auto& c : cases) {
        EXPECT_THAT(first(c.yaml), HasSubstr(c.said)) << c.yaml;
    }
}

void expect_taken(const std::vector<std::string>& cases) {
    for (const auto& yaml : cases) {
        EXPECT_EQ(first(yaml), "") << yaml;
    }
}

TEST(Validate, TheDefaultsArePossible) {
    std::vector<complaint> found;
    validate(config{}, "f", {}, found);
    EXPECT_TRUE(found.empty());
}

TEST(Validate, AComplaintHasThePlaceOfItsKey) {
    EXPECT_THAT(first("lease: 15s\nlisten: {address: nowhere}\n"), StartsWith("f:2:19: "));
    EXPECT_THAT(first("app:\n  url: ftp://x\n"), StartsWith("f:2:8: "));
    EXPECT_THAT(first("routes:\n  - path: nowhere\n"), StartsWith("f:2:5: "));
}

TEST(Validate, WhatAFlagOrAVariableSaysIsNotBlamedOnTheFile) {
    load_options o;
    o.flags = {{"listen.address", "nowhere"}};
    EXPECT_THAT(load_text("lease: 15s\nlisten: {address: \"127.0.0.1:1\"}\n", "f", o).complaints.at(0).text(),
                StartsWith("flag: 'listen.address'"));
    EXPECT_THAT(load_text("", "defaults", o).complaints.at(0).text(), StartsWith("flag: 'listen.address'"));
    o.flags = {{"listen.tls.cert", "/c.pem"}};
    EXPECT_THAT(load_text("", "defaults", o).complaints.at(0).text(), StartsWith("flag: 'listen.tls'"));
    o.flags.clear();
    o.environment = [](const char* name) { return std::string_view(name) == "WSIDECAR_APP_URL" ? "ftp://x" : nullptr; };
    EXPECT_THAT(load_text("app: {timeout: 1s}", "f", o).complaints.at(0).text(), StartsWith("WSIDECAR_APP_URL: 'app.url'"));
}

TEST(Validate, AddressesAndNetworks) {
    expect_refused({{"listen: {address: \"8000\"}", "listen.address"},
                    {"listen: {address: \"0.0.0.0:70000\"}", "listen.address"},
                    {"admin: {address: \"example.com:1\"}", "admin.address"},
                    {"listen: {address: \"127.0.0.1:9090\"}", "another port"},
                    {"listen: {address: \":1\"}\nadmin: {address: \"[::1]:1\"}", "another port"},
                    {"relay: {address: \"127.0.0.1:8000\"}", "another port"},
                    {"listen: {tls: {cert: /c.pem}}", "both cert and key"},
                    {"redis: {tls: {key: /k.pem}}", "both cert and key"},
                    {"listen: {tls: {client_ca: /ca.pem}}", "certificates are part of TLS"},
                    {"listen: {tls: {client_auth: maybe}}", "is one of require, request"},
                    {"trusted_proxies: [private, 10.0.0.0/33]", "10.0.0.0/33"},
                    {"trusted_proxies: [proxy.example]", "proxy.example"},
                    {"trusted_proxies: [\"::1/129\"]", "::1/129"}});
    expect_taken({"listen: {address: \"[::1]:0\"}", "trusted_proxies: []",
                  "listen: {address: \"127.0.0.1:0\"}\nadmin: {address: \"127.0.0.1:0\"}",
                  "listen: {address: \"127.0.0.1:1\"}\nadmin: {address: \"127.0.0.2:1\"}",
                  "trusted_proxies: [loopback, 10.0.0.0/8, \"fd00::/8\", 1.2.3.4]"});
}

TEST(Validate, TheApp) {
    expect_refused({{"app: {url: https://app}", "app.url"},
                    {"app: {url: \"http://app:99999\"}", "app.url"},
                    {"app: {url: \"http://app:0\"}", "app.url"},
                    {"app: {url: \"http://app/?a=b\"}", "app.url"},
                    {"app: {url: unix:app.sock}", "app.url"},
                    {"app: {host: \"a b\"}", "app.host"},
                    {"app: {host: \"a\\rb\"}", "app.host"},
                    {"app: {host: \"\"}", "app.host"},
                    {"app: {health: health}", "app.health"},
                    {"app: {health: \"/a\\r\\nX: y\"}", "app.health"},
                    {"app: {signing_secret: \"whsec_not base64\"}", "app.signing_secret"},
                    {"app: {signing_secret: [whsec_c2VjcmV0, whsec_]}", "app.signing_secret"},
                    {"app: {signing_secret: [\"\"]}", "app.signing_secret"}});
    EXPECT_THAT(first("app: {url: unix:/" + std::string(120, 'x') + "}"), HasSubstr("107 bytes"));
    expect_taken({"app: {url: \"http://[::1]:8080/base\"}", "app: {url: unix:/run/app.sock}",
                  "app: {url: unix:///run/app.sock}", "app: {host: \"shop.example:8443\"}", "app: {health: /actuator/health}",
                  "app: {signing_secret: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw, plain text]}"});
}

TEST(Validate, Redis) {
    expect_refused({{"redis: {url: http://r}", "redis.url"},
                    {"redis: {url: \"redis://r:99999\"}", "redis.url"},
                    {"redis: {url: \"redis://r:99999\"}", "1 to 65535"},
                    {"redis: {url: \"redis://:secret@r:x/0\"}", "redis://host:port"},
                    {"redis: {url: \"redis+sentinel://r:26379/m/0\"}", "redis.sentinels"},
                    {"redis: {url: \"valkeys://r\"}", "rediss://"},
                    {"redis: {url: \"redis://r:1,s:1\"}", "names one host"},
                    {"redis: {url: none, sentinels: [\"s:1\"], master: m}", "none or unix"},
                    {"redis: {url: unix:/r.sock, sentinels: [\"s:1\"], master: m}", "none or unix"},
                    {"redis: {url: none, cluster: true}\nprefix: \"{a}:\"", "is none"},
                    {"redis: {url: \"redis://r/one\"}", "number of a database"},
                    {"redis: {url: \"unix:/r.sock?db=one\"}", "number of a database"},
                    {"redis: {url: \"redis://r?db=2\"}", "no ?query"},
                    {"redis: {url: \"redis://r/0?ssl_cert_reqs=none\"}", "no ?query"},
                    {"redis: {url: \"redis://:p@r#w@s/0\"}", "redis.password"},
                    {"redis: {url: \"redis://:p?w@s/0\"}", "redis.password"},
                    {"redis: {url: \"redis://:p/w@s/0\"}", "redis.password"},
                    {"redis: {url: \"redis://r/0/1\"}", "number of a database"},
                    {"redis: {url: \"redis://:p@ss@r\"}", "%40"},
                    {"redis: {url: \"redis://r,s\"}", "redis://host:port"},
                    {"redis: {url: \"redis://r:1,s:1\"}", "redis://host:port"},
                    {"redis: {url: \"unix://\"}", "names no socket"},
                    {"redis: {url: \"unix:/?db=1\"}", "names no socket"},
                    {"app: {url: \"http://a,b\"}", "app.url"},
                    {"app: {url: \"unix://\"}", "app.url"},
                    {"redis: {url: \"unix:/r.sock?timeout=1\"}", "and no more"},
                    {"redis: {url: \"unix:/r.sock#2\"}", "and no more"},
                    {"redis: {url: \"unix://:secret@/r.sock\"}", "has no user and password"},
                    {"redis: {sentinel: {tls: {cert: /c.pem}}}", "both cert and key"},
                    {"redis: {sentinel: {tls: {use: yes}}}", "auto, always, never"},
                    {"redis: {sentinels: [\"s:26379\"]}", "go together"},
                    {"redis: {master: m}", "go together"},
                    {"redis: {sentinels: [s], master: m}", "host:port"},
                    {"redis: {sentinels: [\"s:0\"], master: m}", "host:port"},
                    {"redis: {sentinels: [\"s:x\"], master: m}", "host:port"},
                    {"redis: {cluster: true}", "hash tag"},
                    {"redis: {cluster: true}\nprefix: \"{}:\"", "hash tag"},
                    {"redis: {cluster: true}\nprefix: \"}x{:\"", "hash tag"},
                    {"redis: {cluster: true, url: \"redis://r/1\"}\nprefix: \"{a}:\"", "database 0"},
                    {"redis: {cluster: true, sentinels: [\"s:1\"], master: m}\nprefix: \"{a}:\"", "not both"}});
    expect_taken({"redis: {url: none}", "redis: {url: \"rediss://u:p@r.example:6380/3\"}",
                  "redis: {url: \"unix:/r.sock?db=2\"}", "redis: {url: \"unix:///run/a@b/r.sock\"}",
                  "redis: {url: \"redis://[::1]\"}", "redis: {url: \"redis://:p%23%3F%2F%40w@r/0\"}",
                  "redis: {sentinels: [\"s:26379\", \"[::1]:26379\"], master: m, sentinel: {username: u, password: p}}",
                  "redis: {cluster: true}\nprefix: \"{a}:\""});
    EXPECT_THAT(first("redis: {url: \"http://u:hunter2@r\"}"), testing::Not(HasSubstr("hunter2")));
}

TEST(Validate, KeysOfAClusterAreInTheSlotOfThePrefix) {
    const std::string cluster = "redis: {cluster: true}\nprefix: \"{a}:\"\n";
    const std::string words = "same hash tag, {a}";
    expect_refused({{cluster + "sources: [{list: x, to: {all: true}}]", words},
                    {cluster + "sources: [{stream: \"{b}x\", to: {all: true}}]", words},
                    {cluster + "routes: [{path: /x, inbound: {rpush: a}}]", words},
                    {cluster + "outbox: {receipt_prefix: \"r:\"}", words}});
    expect_taken({cluster + "sources: [{list: \"x{a}\", to: {all: true}}, {channel: x, to: {all: true}}]",
                  cluster + "routes: [{path: /x, inbound: {rpush: \"q:{a}\", publish: x}}]",
                  cluster + "outbox: {receipt_prefix: \"{a}r:\"}", "sources: [{list: x, to: {all: true}}]"});
}

TEST(Validate, NamesAndHeaders) {
    expect_refused({{"prefix: \"\"", "prefix"},
                    {"prefix: \"a b\"", "prefix"},
                    {"prefix: \"a*\"", "prefix"},
                    {"outbox: {key: \"\"}", "outbox.key"},
                    {"forward_headers: [X_Tenant]", "X_Tenant"},
                    {"forward_headers: [X-*-Y]", "X-*-Y"},
                    {"forward_headers: [\"\"]", "forward_headers"},
                    {"replay_headers: [\"Coo kie\"]", "replay_headers"},
                    {"forward_headers: [Sec-WebSocket-Key]", "Sec-WebSocket-Key"},
                    {"forward_headers: [\"ws-*\"]", "ws-*"},
                    {"replay_headers: [Cookie, Content-Length]", "Content-Length"},
                    {"replay_headers: [host]", "host"},
                    {"routes: [{path: /a, forward_headers: [Accept-Encoding]}]", "Accept-Encoding"}});
    expect_taken(
        {"forward_headers: [X-*, X-Tenant, Sec-WebSocket-Protocol]", "replay_headers: []", "replay_headers: [traceparent]"});
}

TEST(Validate, EveryNumberHasABoundThatTheCodeCanHold) {
    expect_refused({{"limits: {sndbuf: 4GiB}", "is at most 1GiB"},
                    {"limits: {queue: 5GiB}", "is at most 1GiB"},
                    {"limits: {message: 1025MiB}", "is at most 1GiB"},
                    {"routes: [{path: /a, limits: {queue: 5GiB}}]", "is at most 1GiB"},
                    {"inbox: {bytes: 1025GiB}", "is at most"}});
    expect_taken({"limits: {sndbuf: 0}", "limits: {queue: 1GiB}", "inbox: {bytes: 5GiB}", "ping: 1000h"});
}

TEST(Validate, Origins) {
    expect_refused({{"origins: []", "origins"},
                    {"origins: shop.example", "shop.example"},
                    {"origins: [same, https://a.example]", "same"},
                    {"origins: [\"*\", https://a.example]", "*"},
                    {"origins: https://a.example/", "a.example"},
                    {"origins: https://u@a.example", "a.example"},
                    {"origins: capacitor://", "capacitor"},
                    {"origins: file:///x", "file"},
                    {"origins: javascript:alert", "javascript"},
                    {"origins: https://a.example:99999", "99999"},
                    {"origins: \"https://*.example\"", "*.example"}});
    expect_refused({{"origins: [null]", "origins: [\"null\"]"},
                    {"origins: [https://a.example, Null]", "quote the word null"},
                    {"origins: [~]", "quote the word null"},
                    {"origins:\n- https://a.example\n-\n", "quote the word null"},
                    {"origins: null", "origins: \"null\""},
                    {"routes: [{path: /a, origins: [null]}]", "origins: [\"null\"]"}});
    expect_refused({{"routes: [{path: /a, origins: [same, https://a.example]}]", "same"},
                    {"routes: [{path: /a, origins: []}]", "origins"},
                    {"routes: [{path: /a, origins: [b]}]", "'b'"}});
    expect_taken({"origins: [https://a.example, \"http://localhost:3000\", \"null\"]", "origins: \"*\"",
                  "origins: [\"http://[::1]:3000\"]", "origins: [capacitor://localhost, ionic://localhost, file://]",
                  "origins: chrome-extension://aabbcc", "routes: [{path: /a, origins: \"*\"}]"});
}

TEST(Validate, Routes) {
    expect_refused(
        {{"relay: {address: \"0.0.0.0:61613\"}", "loopback"},
         {"tracing: {otlp: \"https://collector:4318\"}", "tracing.otlp"},
         {"tracing: {otlp: collector}", "tracing.otlp"},
         {"tracing: {sample: 2}", "tracing.sample"},
         {"tracing: {service: \"\"}", "tracing.service"},
         {"relay: {address: localhost}", "relay.address"},
         {"routes: []", "at least one"},
         {"routes: [{path: ws}]", "starts with '/'"},
         {"routes: [{path: \"\"}]", "starts with '/'"},
         {"routes: [{protocol: raw}]", "needs 'path'"},
         {"routes: [{path: /a, sockjs: true}]", "protocol: sockjs"},
         {"routes: [{path: \"/a/{rest...}\", protocol: sockjs}]", "no {rest...}"},
         {"routes: [{path: /a/, protocol: stomp, sockjs: true}]", "no slash"},
         {"routes: [{path: \"/{sockjs-session}\", protocol: sockjs}]", "no variable"},
         {"routes: [{path: /a, protocol: sockjs, sockjs_library: sockjs.js}]", "sockjs_library"},
         {"routes: [{path: /a, protocol: sockjs, sockjs_library: \"https://cdn.example/s.js\"}]", "sockjs_integrity"},
         {"routes: [{path: /a, protocol: sockjs, sockjs_library: //cdn.example/s.js}]", "sockjs_integrity"},
         {"routes: [{path: /a, protocol: sockjs, sockjs_integrity: \"sha384-a\\\"b\"}]", "sockjs_integrity"},
         {"admin: {loopback: token}", "token_file"},
         {"tracing: {callers: all}", "tracing.callers"},
         {"routes: [{path: /a, events: [subscribe]}]", "protocol: stomp"},
         {"routes: [{path: /a, heartbeat: [10s]}]", "two durations"},
         {"routes: [{path: /a, events: [connect, dance]}]", "events"}});
    expect_taken({"{http: pass, routes: []}"});
    for (const bad& c : std::vector<bad>{{"event_path: events", "event_path"},
                                         {"event_path: \"/a b\"", "event_path"},
                                         {"event_path: \"/a\\r\\nX: y\"", "event_path"},
                                         {"content_type: \"text/plain\\r\\nX: y\"", "content_type"},
                                         {"content_type: json", "content_type"},
                                         {"subprotocols: [\"a b\"]", "subprotocols"},
                                         {"subprotocols: [\"\"]", "subprotocols"},
                                         {"app_prefixes: [app]", "app_prefixes"},
                                         {"broker_prefixes: [/topic/]", "broker_prefixes"},
                                         {"user_prefix: \"\"", "user_prefix"},
                                         {"forward_headers: [X_Tenant]", "X_Tenant"},
                                         {"user: \"{table\"", "not closed"},
                                         {"groups: [\"a}\"]", "not closed"}}) {
        EXPECT_THAT(first(route(c.yaml)), testing::AllOf(StartsWith("f:2:5: "), HasSubstr(c.said))) << c.yaml;
    }
    for (const char* good :
         {"event_path: \"/events/{event}/{table}?kind={event}\"", "content_type: application/vnd.acme+json; charset=utf-8",
          "subprotocols: [v1.acme, v2.acme]", "user: \"{table}\"", "groups: [\"table-{table}\", all]", "events: []",
          "protocol: stomp", "heartbeat: [0, 5s]"}) {
        EXPECT_EQ(first(route(good)), "") << good;
    }
}

// A name that stays as it stands would make all clients one user.
TEST(Validate, ATemplateNamesVariablesOfItsPath) {
    for (const char* keys : {"user: \"{tabel}\"", "groups: [\"{table}\", \"x-{room}\"]", "event_path: \"/e/{evnt}\""}) {
        EXPECT_THAT(first(route(keys)), HasSubstr("no variable of '/ws/{table}'")) << keys;
    }
    EXPECT_EQ(first("routes: [{path: \"/ws/{rest...}\", user: \"{rest}\", event_path: \"/e/{rest...}\"}]"), "");
}

class SecretFile : public testing::Test {
protected:
    const std::string name_ = testing::TempDir() + "secret-" + std::to_string(::getpid());
    void TearDown() override { std::remove(name_.c_str()); }
};

TEST(Validate, Tokens) {
    const std::string file = ", secret_file: /s}";
    for (const auto& [keys, said] : std::initializer_list<std::pair<std::string, const char*>>{
             {"jwt: {issuer: x}", "needs 'jwks_file' or 'secret_file'"},
             {"jwt: {jwks_file: /k" + file, "not both"},
             {"jwt: {from: []" + file, "at least one"},
             {"jwt: {from: [headers]" + file, "not 'headers'"},
             {"jwt: {from: [\"header:X\"]" + file, "not 'header:X'"},
             {"jwt: {from: [\"cookie:\"]" + file, "not 'cookie:'"},
             {"jwt: {from: [\"query:a b\"]" + file, "not 'query:a b'"},
             {"jwt: {groups: /a~" + file, "JSON Pointer"},
             {"jwt: {leeway: 11m" + file, "at most 10m"},
             {"jwt: {sub: user" + file, "unknown key 'jwt.sub'"},
             {"jwt: {user: sub" + file + "\n    user: \"{table}\"", "not from both"}}) {
        std::string all;
        for (const auto& c : load_text(route(keys), "f").complaints) {
            all += c.text() + '\n';
        }
        EXPECT_THAT(all, HasSubstr(said)) << keys;
    }
}

TEST(Validate, SignaturesNeedASecret) {
    EXPECT_THAT(first("push: {require_signature: true}"), HasSubstr("needs 'push.secret_file'"));
}

// An empty file would quietly mean no password, no signature, no token.
TEST_F(SecretFile, ThatIsEmptyIsRefused) {
    std::ofstream(name_) << "\n";
    for (const char* key :
         {"redis: {password_file: ", "admin: {token_file: ", "app: {signing_secret_file: ", "push: {secret_file: "}) {
        EXPECT_THAT(first(key + name_ + "}"), testing::AllOf(StartsWith(name_), HasSubstr("empty"))) << key;
    }
}

TEST_F(SecretFile, HoldsOneSigningSecretALine) {
    std::ofstream(name_) << "whsec_c2VjcmV0\r\n\nwhsec_b3RoZXI=\r\n";
    const auto l = load_text("app: {signing_secret_file: " + name_ + "}", "f");
    EXPECT_TRUE(l.complaints.empty()) << l.complaints.front().text();
    EXPECT_EQ(l.values.app.signing_secrets, (std::vector<std::string>{"whsec_c2VjcmV0", "whsec_b3RoZXI="}));
}

TEST_F(SecretFile, HoldsKeysOfTokensThatAreLookedAtWhenTheyAreRead) {
    std::ofstream(name_) << "one\ntwo\n";
    const auto yaml = route("jwt: {secret_file: " + name_ + ", from: [header, \"cookie:SID\", subprotocol, \"query:t\"]}");
    const auto l = load_text(yaml, "f");
    EXPECT_TRUE(l.complaints.empty()) << l.complaints.front().text();
    EXPECT_EQ(l.values.routes[0].jwt.secrets, (std::vector<std::string>{"one", "two"}));
    load_options o;
    o.keys_problem = [](const jwt& read) {
        return read.secrets.size() == 2 ? std::optional<std::string>("is wrong") : std::nullopt;
    };
    const auto wrong = load_text(yaml, "f", o);
    ASSERT_EQ(wrong.complaints.size(), 1U);
    EXPECT_EQ(wrong.complaints[0].text(), name_ + ": is wrong ('jwt.secret_file')");
}

TEST_F(SecretFile, OfPushesIsNeverPrinted) {
    std::ofstream(name_) << "s3cret\n";
    const auto l = load_text("push: {secret_file: " + name_ + ", require_signature: true}", "f");
    EXPECT_TRUE(l.complaints.empty()) << l.complaints.front().text();
    EXPECT_EQ(l.values.push.secrets, std::vector<std::string>{"s3cret"});
    EXPECT_THAT(print(l.values), testing::Not(HasSubstr("s3cret\"")));
    std::ofstream(name_) << "another\n";
    const auto changes = diff(l.values, load_text("push: {secret_file: " + name_ + ", require_signature: true}", "f").values);
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].key, "push.secret_file");
    EXPECT_THAT(changes[0].from + changes[0].to, testing::Not(HasSubstr("another")));
}

TEST_F(SecretFile, TakesThePlaceOfThePasswordInTheFile) {
    std::ofstream(name_) << "hunter2";
    EXPECT_EQ(load_text("redis: {password: x, password_file: " + name_ + "}", "f").values.redis.password, "hunter2");
}

}  // namespace
}  // namespace wsidecar::config
