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

/// Questions of operators that go to all instances. Whoever asks publishes a question on the channel `ask`; each instance writes what it
/// knows to the list that the question names; the one that asked reads it until all have answered, or their time is over. Event
/// loop only.
class questions {
public:
    questions(command_port& commands, const config::config& c, keys k, core::timer_port& timers)
        : link_(commands), config_(c), keys_(std::move(k)), timers_(timers) {}

    /// `answer`: what this instance says to a question.
    void start(const std::string& instance, std::function<std::string(std::string_view)> answer);
    void rename(const std::string& instance) { instance_ = instance; }
    void stop();

    /// A message of the channel `ask`.
    void on_question(std::string_view payload);
    /// core::bus::ask_all.
    void ask_all(const std::string& question, std::function<void(core::answers)> done);
    /// core::bus::seek.
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
