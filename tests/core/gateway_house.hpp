#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>

#include "sidecar/core/gateway.hpp"
#include "tests/core/manual_time.hpp"

namespace wsidecar::core {

/// The gateway with ports that a test plays by hand: nothing is sent, no time passes by itself.
struct gateway_house : app_port, bus_port, manual_time {
    // app_port
    struct asked {
        app_request request;
        std::function<void(app_answer)> done;
        std::string header(const std::string& name) const {
            const auto at = request.headers.find(name + ": ");
            if (at == std::string::npos) {
                return "";
            }
            const auto begin = at + name.size() + 2;
            return request.headers.substr(begin, request.headers.find("\r\n", begin) - begin);
        }
    };
    void send(app_request r, std::function<void(app_answer)> done) override { app.push_back({std::move(r), std::move(done)}); }
    bool accepting() const override { return app_accepts; }

    // bus_port
    void announce(const registration& r, std::function<void()> done) override {
        announced.push_back(r);
        done();
    }
    void enroll(const registration& r, std::function<void(enroll_result)> done) override {
        enrolled.emplace_back(r, std::move(done));
    }
    void retire(const registration& c, std::function<void(std::optional<std::uint32_t>)> done) override {
        retired.push_back(c.connection);
        left_as.push_back(c);
        done(0);
    }
    void forget(const std::string& c) override { forgotten.push_back(c); }
    void bequeath(const lost_connection& lost) override { bequeathed.push_back(lost); }
    std::vector<lost_connection> bequeathed;
    void broadcast(const proto::envelope& push) override { broadcasts.push_back(push); }
    void send_inbound(const std::string&, const std::string& channel, const std::string& list,
                      std::string_view payload) override {
        inbound.push_back({channel, list, std::string(payload)});
    }
    void recall(history_question q, std::function<void(history_answer)> done) override {
        keeps_history ? recalls.emplace_back(std::move(q), std::move(done)), void() : done({});
    }
    bool keeps_history = false;
    std::deque<std::pair<history_question, std::function<void(history_answer)>>> recalls;
    /// Answers the oldest question about a history.
    void remember(place now, std::vector<history_answer::kept> pushes = {}) {
        ASSERT_FALSE(recalls.empty());
        auto first = std::move(recalls.front());
        recalls.pop_front();
        history_answer a;
        a.answered = true;
        a.now = now;
        a.pushes = std::move(pushes);
        first.second(std::move(a));
    }
    std::vector<std::vector<std::string>> inbound;
    std::vector<proto::envelope> broadcasts;
    void settled(delivery_id id, delivery_outcome o) override { settlements.emplace_back(id, std::move(o)); }
    bool up() const override { return true; }

    struct fake_session : session_port {
        std::vector<std::pair<std::string, std::uint64_t>> sent;
        std::vector<std::pair<int, std::string>> closes;
        bool paused = false;
        void send(frame_ptr f, std::uint64_t tag, std::uint64_t = 0) override {
            sent.emplace_back(std::string(f->bytes().substr(2)), tag);
        }
        void close(std::uint16_t code, std::string_view reason) override { closes.emplace_back(code, reason); }
        void pause_reading(bool p) override { paused = p; }
        std::size_t queued_bytes() const override { return 0; }
    };

    static app_answer answered(unsigned status, field_list headers = {}, std::string body = "") {
        app_answer a;
        a.status = status;
        a.headers = std::move(headers);
        a.body = std::move(body);
        return a;
    }
    static app_answer failed(app_failure f) {
        app_answer a;
        a.failure = f;
        return a;
    }

    gateway_house() {
        settings.routes[0].path = "/ws/{table}";
        gate = std::make_unique<gateway>(settings, "pod-1", numbers, *this, *this, *this, [this](std::string_view) {
            gateway::route_match match;
            match.route = &settings.routes[0];
            return match;
        });
    }

    connection_ptr begin(std::optional<proto::jwt::claims> token = {}) {
        handshake h;
        h.token = std::move(token);
        h.route = &settings.routes[0];
        h.target = "/ws/7?x=1";
        h.path = "/ws/7";
        h.variables = {{"table", "7"}};
        h.host = "shop.example";
        return gate->open(std::move(h), [this](handshake_verdict v) { verdict = std::move(v); });
    }
    /// Answers the oldest request.
    void answer(app_answer a) {
        ASSERT_FALSE(app.empty());
        auto first = std::move(app.front());
        app.pop_front();
        first.done(std::move(a));
    }
    void grant() {
        ASSERT_FALSE(enrolled.empty());
        auto [r, done] = std::move(enrolled.back());
        enrolled.pop_back();
        done({enroll_outcome::done, 1, 0});
    }
    /// A whole connection, on `session`.
    connection_ptr connect(fake_session& session, field_list headers = {}) {
        const auto c = begin();
        answer(answered(204, std::move(headers)));
        grant();
        EXPECT_TRUE(verdict && verdict->accepted);
        gate->established(*c, session);
        return c;
    }

    config::config settings;
    metrics numbers;
    std::deque<asked> app;
    bool app_accepts = true;
    std::vector<registration> announced;
    std::vector<std::pair<registration, std::function<void(enroll_result)>>> enrolled;
    std::vector<std::string> retired, forgotten;
    std::vector<registration> left_as;  ///< what the retired ones were
    struct settlement : delivery_outcome {
        delivery_id id;
        settlement(delivery_id i, delivery_outcome o) : delivery_outcome(std::move(o)), id(i) {}
    };
    std::vector<settlement> settlements;
    std::optional<handshake_verdict> verdict;
    std::unique_ptr<gateway> gate;
};

}  // namespace wsidecar::core
