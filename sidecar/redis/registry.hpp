#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/command_port.hpp"

namespace wsidecar::redis {

/// This instance and its connections as Redis knows them (contract section 4): the lease, presence, routing. Every change is
/// one script, idempotent, with the connection's whole truth; what could not be said while Redis was away is said when it is
/// back. Event loop only.
class registry {
public:
    struct hooks {
        /// Leased, under this epoch: other parts may begin (again). `restarted`, `new_data`, `wide_cursor`: as inbox::attend.
        std::function<void(bool restarted, bool new_data, const std::string& wide_cursor)> ready;
        /// A survivor has declared this instance dead. The owner calls rename().
        std::function<void()> fenced;
        std::function<void(const std::string&)> fatal;
        std::function<std::vector<core::registration>()> all;
    };
    /// nullopt: Redis is or went away; it is made good later.
    using counted = std::function<void(std::optional<core::enroll_result>)>;

    registry(command_port& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers, std::string instance);

    void start(hooks h);
    void stop();
    void on_up();
    void on_down();
    /// Leased, and the link is up.
    bool well() const { return leased_ && link_.up(); }
    /// Why Redis refused the last beat; empty: it did not.
    const std::string& refusal() const { return refusal_; }
    /// Since when every beat was taken; max(): the last was not.
    core::timer_port::clock::time_point steady_since() const { return steady_since_; }
    /// The lease cannot have ended: no survivor has taken this instance over.
    bool held() const { return timers_.now() < held_until_; }
    const std::string& instance() const { return instance_; }
    /// The generation of Redis' data that this instance is registered in; empty: none yet.
    const std::string& epoch() const { return epoch_; }
    /// Goes on under a new id, after fenced().
    void rename(std::string instance);
    /// The lease is not renewed any more: this instance is leaving.
    void stop_beating() {
        timer_.reset();
        stopped_ = true;
    }

    /// As enroll(), for a connection whose connect event goes out next.
    void announce(const core::registration& r, counted done);
    void enroll(const core::registration& r, counted done);
    void retire(const std::string& connection, std::function<void(std::optional<std::uint32_t>)> done);
    void forget(const std::string& connection);

private:
    void beat();
    void on_beat(proto::reply_view r);
    void catch_up(bool everything);
    void enroll_next();
    void evict(const std::string& connection);
    std::vector<std::string> arguments(const core::registration& r, const char* mode) const;
    std::string grace() const { return std::to_string(config_.outbox.grace.count()); }

    command_port& link_;
    const config::config& config_;
    keys keys_;
    core::metrics& metrics_;
    core::timer_port& timers_;
    std::string instance_;
    hooks hooks_;
    std::string epoch_;
    std::string history_;
    std::string about_;
    std::string refusal_;
    bool leased_ = false;
    bool complete_ = true;
    bool stopped_ = false;
    bool beating_ = false;
    core::timer_port::clock::time_point held_until_{};
    core::timer_port::clock::time_point steady_since_ = core::timer_port::clock::time_point::max();
    std::unordered_set<std::string> dirty_;             ///< connections whose entry may differ from the truth
    std::vector<std::pair<bool, std::string>> unsaid_;  ///< retire (false) and forget (true) that Redis has not answered
    std::vector<core::registration> to_enroll_;
    std::size_t enrolling_ = 0;
    core::timer_port::handle timer_;
};

}  // namespace wsidecar::redis
