#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "sidecar/core/bus.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/keys.hpp"

namespace wsidecar::redis {

/// Sends an operator's question to all instances and collects the answers. The asking instance publishes the question on the channel
/// `ask`. Each other instance appends its answer to the list `answers:<token>`. The asking instance reads that list until every
/// instance has answered or 1 s has passed. Event loop only.
class questions {
public:
    questions(command_port& commands, const config::config& c, keys k, core::timer_port& timers)
        : link_(commands), config_(c), keys_(std::move(k)), timers_(timers) {}

    /// `answer` returns this instance's answer to a question; an empty answer is not sent.
    void start(const std::string& instance, std::function<std::string(std::string_view)> answer);
    void rename(const std::string& instance) { instance_ = instance; }
    void stop();

    /// Answers a message of the channel `ask`. Ignores this instance's own questions and those that it cannot parse.
    void on_question(std::string_view payload);
    /// Implements core::bus::ask_all.
    void ask_all(const std::string& question, std::function<void(core::answers)> done);
    /// Implements core::bus::seek.
    void seek(core::list_kind kind, const std::string& name, const std::string& id, std::function<void(core::sightings)> done);

private:
    struct asked {
        core::answers out;
        std::function<void(core::answers)> done;
        core::timer_port::clock::time_point until;
        core::timer_port::handle timer;
    };
    void look(const std::string& token);
    void finish(const std::string& token);
    std::string key_of(core::list_kind kind, const std::string& name) const;

    command_port& link_;
    const config::config& config_;
    keys keys_;
    core::timer_port& timers_;
    std::string instance_;
    std::function<std::string(std::string_view)> answer_;
    std::map<std::string, asked> asked_;  ///< by token
};

}  // namespace wsidecar::redis
