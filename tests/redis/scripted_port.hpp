#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/resp.hpp"
#include "sidecar/redis/command_port.hpp"

namespace wsidecar::redis {

/// A connection to Redis whose answers the test gives, one by one, in RESP.
struct scripted_port final : command_port {
    void start(hooks h) override { given = std::move(h); }
    void stop() override { waiting.clear(); }
    void send(const std::vector<std::string>& words, handler done, std::chrono::milliseconds) override {
        sent.push_back(words);
        if (is_up) {
            waiting.push_back(std::move(done));
        } else if (done) {
            done(proto::reply_view());
        }
    }
    void configure(const endpoint&) override {}
    void reset(std::string_view why) override { resets.emplace_back(why); }
    bool up() const override { return is_up; }
    const std::string& state() const override { return state_text; }
    std::chrono::steady_clock::time_point well_since() const override { return {}; }
    const std::string& history() const override { return history_name; }
    int major_version() const override { return 7; }

    void come_up() {
        is_up = true;
        given.up();
    }
    /// Every command that waits gets a null reply.
    void go_down() {
        is_up = false;
        for (auto& done : std::exchange(waiting, {})) {
            if (done) {
                done(proto::reply_view());
            }
        }
        if (given.down) {
            given.down();
        }
    }
    /// Answers the oldest command that waits.
    void answer(std::string_view resp) {
        const auto done = std::move(waiting.front());
        waiting.pop_front();
        proto::reply_reader reader;
        reader.feed(resp);
        const auto reply = reader.next();
        if (done) {
            done((*reply)->view());
        }
    }
    /// The arguments of the last script behind its key.
    std::vector<std::string> last_arguments() const { return {sent.back().begin() + 4, sent.back().end()}; }

    hooks given;
    std::vector<std::vector<std::string>> sent;
    std::deque<handler> waiting;
    std::vector<std::string> resets;
    std::string state_text = "ok";
    std::string history_name = "master-1";
    bool is_up = false;
};

/// A text as Redis sends it.
inline std::string resp_text(const std::string& text) {
    return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

/// Words as Redis sends an array of them.
inline std::string resp_array(const std::vector<std::string>& words) {
    std::string out = "*" + std::to_string(words.size()) + "\r\n";
    for (const auto& w : words) {
        out += resp_text(w);
    }
    return out;
}

/// An entry of a stream: its id, and names and values in turn.
inline std::string resp_entry(const std::string& id, const std::vector<std::string>& fields) {
    return "*2\r\n" + resp_text(id) + resp_array(fields);
}

/// What XRANGE answers.
inline std::string resp_entries(const std::vector<std::string>& entries) {
    std::string out = "*" + std::to_string(entries.size()) + "\r\n";
    for (const auto& e : entries) {
        out += e;
    }
    return out;
}

/// What XREAD answers: each stream's key and its entries.
inline std::string resp_streams(const std::vector<std::pair<std::string, std::vector<std::string>>>& streams) {
    std::string out = "*" + std::to_string(streams.size()) + "\r\n";
    for (const auto& [key, entries] : streams) {
        out += "*2\r\n" + resp_text(key) + resp_entries(entries);
    }
    return out;
}

}  // namespace wsidecar::redis
