#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/command_port.hpp"
#include "sidecar/redis/keys.hpp"

namespace wsidecar::redis {

/// Names whose histories are kept: for one more the oldest one goes (lua/parts/history.lua).
inline constexpr std::size_t histories_at_most = 100'000;

/// By which rule the latest pushes to a name are kept: the first that fits. `target`: with its kind in front. Null: they are not.
const config::history_rule* rule_for(const std::vector<config::history_rule>& rules, std::string_view target);

/// The rules as one text: equal for those that keep the same.
std::string text_of(const std::vector<config::history_rule>& rules);

/// Reads histories (lua/parts/history.lua), which routers write. Event loop only.
class histories {
public:
    histories(command_port& commands, const config::config& c, keys k, core::metrics& m, core::timer_port& timers)
        : link_(commands), config_(c), keys_(std::move(k)), metrics_(m), timers_(timers) {}

    /// bus_port::recall().
    void recall(core::history_question q, std::function<void(core::history_answer)> done);

private:
    struct asking;
    void next(const std::shared_ptr<asking>& a);
    void take(const std::shared_ptr<asking>& a, proto::reply_view r);
    void take_pushes(asking& a, proto::reply_view r);
    bool is_missing(const asking& a, const std::string& target, proto::reply_view r) const;
    void finish(const std::shared_ptr<asking>& a);

    command_port& link_;
    const config::config& config_;
    keys keys_;
    core::metrics& metrics_;
    core::timer_port& timers_;
};

}  // namespace wsidecar::redis
