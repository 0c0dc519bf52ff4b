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
#include "sidecar/redis/shards.hpp"

namespace wsidecar::redis {

/// The most names that have a history. When one more is added, the oldest history is deleted (lua/parts/history.lua).
inline constexpr std::size_t histories_at_most = 100'000;

/// The first rule that matches `target`, a name with its kind letter in front ("gtable-7"). Null if its pushes are not kept. The
/// pointer refers to an element of `rules`.
const config::history_rule* rule_for(const std::vector<config::history_rule>& rules, std::string_view target);

/// Writes the rules as one line of text. Two sets of rules that keep the same pushes give equal texts.
std::string text_of(const std::vector<config::history_rule>& rules);

/// Reads the histories that routers write (lua/parts/history.lua), each in the shard of its name. Event loop only.
class histories {
public:
    /// Where one shard keeps its histories.
    struct store {
        command_port& link;
        keys names;
    };

    /// `stores` are those of all shards, in the order of their numbers.
    histories(std::vector<store> stores, const config::config& c, core::metrics& m, core::timer_port& timers)
        : stores_(std::move(stores)), config_(c), metrics_(m), timers_(timers) {}

    /// Implements core::bus_port::recall().
    void recall(core::history_question q, std::function<void(core::history_answer)> done);

private:
    struct asking;
    bool several() const { return stores_.size() > 1; }
    shard_number number_of(unsigned shard) const { return {shard, static_cast<unsigned>(stores_.size())}; }
    void next(const std::shared_ptr<asking>& a);
    void ask(const std::shared_ptr<asking>& a);
    void take(const std::shared_ptr<asking>& a, proto::reply_view r);
    void take_answer(asking& a, proto::reply_view r);
    void take_pushes(asking& a, proto::reply_view r);
    bool is_missing(const asking& a, proto::reply_view r) const;
    void finish(const std::shared_ptr<asking>& a);

    std::vector<store> stores_;
    const config::config& config_;
    core::metrics& metrics_;
    core::timer_port& timers_;
};

}  // namespace wsidecar::redis
