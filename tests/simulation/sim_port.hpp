#pragma once

#include <deque>
#include <memory>
#include <string>

#include "proto/resp.hpp"
#include "sidecar/redis/command_port.hpp"
#include "tests/simulation/redis_model.hpp"
#include "tests/simulation/sim_time.hpp"

namespace wsidecar::simulation {

class pod;
class world;

/// A connection of an instance to the model of Redis, over a way that takes time and can break: redis::link as the simulation has it.
class sim_port final : public redis::command_port {
public:
    /// What is to happen to one command of this connection.
    enum class fate {
        none,
        answer_lost,  ///< it is carried out; the connection breaks before the answer comes
        not_done,     ///< the connection breaks before it is carried out
        answer_late,  ///< the answer takes seconds
        pod_dies,     ///< it is carried out, and the instance dies
    };
    /// To which command.
    enum class which { next, that_writes, that_moves };  ///< that_moves: it writes and answers with words

    sim_port(world& w, pod& owner, std::string name);
    ~sim_port() override;

    void start(hooks h) override;
    void stop() override;
    void send(const std::vector<std::string>& words, handler done, std::chrono::milliseconds blocking) override;
    void configure(const redis::endpoint&) override {}
    void reset(std::string_view why) override;
    bool up() const override { return up_; }
    const std::string& state() const override { return state_; }
    std::chrono::steady_clock::time_point well_since() const override { return well_since_; }
    const std::string& history() const override { return history_; }
    int major_version() const override { return major_; }

    // ------------------------------------------------------------- the schedule's hands
    /// Breaks it now. What is on its way is carried out as far as the dice say; `late`: all of it, but later.
    void cut(bool late = false);
    void arm(fate f, which w) {
        fate_ = f;
        which_ = w;
    }
    /// Nothing passes, either way, until then.
    void stall(instant until) { stalled_until_ = until; }
    const std::string& name() const { return name_; }
    const redis_model* server() const { return server_; }

private:
    struct pending {
        handler done;
        std::chrono::steady_clock::time_point sent;
        std::chrono::milliseconds blocking;
    };
    /// One TCP connection: what belongs to an older one finds `open` false.
    struct line {
        bool open = true;
        redis_model::client_ptr remote;
        std::deque<words> sent;
        instant last_there = 0;  ///< when the last command arrives
        instant last_back = 0;
        bool lost_answers = false;
    };

    void dial(instant after);
    void log_in();
    void arrive(const std::shared_ptr<line>& l);
    void answer(const std::shared_ptr<line>& l, reply r);
    void take(const reply& r);
    void fall(const std::string& why);
    void watch();
    bool matches(const reply& r, bool wrote) const;
    instant way(instant earliest);

    world& world_;
    pod& pod_;
    std::string name_;
    hooks hooks_;
    redis_model* server_ = nullptr;
    std::shared_ptr<line> line_;
    std::deque<pending> pending_;
    bool up_ = false;
    bool stopped_ = false;
    bool watching_ = false;
    bool falling_ = false;
    std::string state_ = "connecting";
    std::string history_;
    int major_ = 0;
    unsigned failures_ = 0;
    std::chrono::steady_clock::time_point well_since_ = std::chrono::steady_clock::time_point::max();
    std::chrono::steady_clock::time_point last_bytes_{};
    instant stalled_until_ = 0;
    fate fate_ = fate::none;
    which which_ = which::next;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace wsidecar::simulation
