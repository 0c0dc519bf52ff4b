#include "sidecar/redis/upkeep.hpp"

#include <chrono>
#include <utility>

#include "proto/text/rfc3339.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/histories.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr auto trim_interval = 5s;
constexpr auto sweep_interval = 500ms;

}  // namespace

void count_ends(core::metrics& m, core::family& family, const char* reason, proto::reply_view n) {
    if (n.integer() > 0) {
        family.at({reason}) += static_cast<double>(n.integer());
        m.hit(reason, static_cast<double>(n.integer()));
    }
}

upkeep::upkeep(command_port& link, const config::config& c, keys k, core::metrics& m, core::timer_port& timers,
               std::function<bool()> leads)
    : link_(link), config_(c), keys_(std::move(k)), metrics_(m), timers_(timers), leads_(std::move(leads)) {
    metrics_.limit.at({"history.names"}) = static_cast<double>(histories_at_most * config_.shards);  // each shard has this many
    metrics_.limit_used.at({"history.names"}) += 0;
    metrics_.limit_hits.at({"history.names"}) += 0;
}

/// In a rolling update the instance before may have had other rules.
void upkeep::begin(const std::string& feed) {
    scripts::begin_history.run(link_, keys_("history:rules"), {keys_.prefix, feed, text_of(config_.history)},
                               [rules = text_of(config_.history)](proto::reply_view r) {
                                   if (r.is_string() && !r.text().empty()) {
                                       core::log::warn("router", "histories are kept by other rules than by the router before",
                                                       {{"before", r.text()}, {"now", rules}});
                                   }
                               });
}

void upkeep::run() {
    const auto now = timers_.now();
    if (now - trimmed_ > trim_interval) {
        trimmed_ = now;
        scripts::trim_broadcast.run(link_, keys_("wide"), {keys_.prefix});
    }
    if (now - swept_ >= sweep_interval) {
        swept_ = now;
        age_histories();
        sweep();
    }
}

void upkeep::end() {
    metrics_.mailboxes.value() -= std::exchange(mailboxes_, 0);
    count_histories(0, 0);
}

void upkeep::sweep() {
    scripts::sweep.run(link_, keys_("mailboxes"),
                       {keys_.prefix, proto::format_rfc3339(timers_.wall()), std::to_string(config_.outbox.grace.count())},
                       [this](proto::reply_view r) {
                           if (!r.is_array()) {
                               return;
                           }
                           count_ends(metrics_, metrics_.undelivered, "expired", r[0]);
                           count_ends(metrics_, metrics_.undelivered, "mailbox_age", r[1]);
                           count_ends(metrics_, metrics_.undelivered, "connection_gone", r[2]);
                           count_ends(metrics_, metrics_.undelivered, "no_connection", r[3]);
                           metrics_.receipts_failed.value() += static_cast<double>(r[4].integer());
                           const auto n = leads_() ? static_cast<double>(r[5].integer()) : 0;
                           metrics_.mailboxes.value() += n - std::exchange(mailboxes_, n);
                       });
}

/// Removes old pushes from the histories of the names that were due the last time.
void upkeep::age_histories() {
    std::vector<std::string> words{keys_.prefix};
    for (auto& target : std::exchange(old_histories_, {})) {
        const auto* rule = rule_for(config_.history, target);
        words.push_back(std::move(target));
        words.push_back(std::to_string(rule == nullptr ? 0 : rule->age.count()));
    }
    scripts::age_history.run(link_, keys_("histories"), std::move(words), [this](proto::reply_view r) {
        if (!r.is_array()) {
            return;
        }
        for (std::size_t i = 0; i < r[0].size(); ++i) {
            old_histories_.emplace_back(r[0][i].text());
        }
        const bool ours = leads_();
        count_histories(ours ? static_cast<double>(r[1].integer()) : 0, ours ? static_cast<double>(r[2].integer()) : 0);
    });
}

/// The gauges are sums over the shards that this instance routes.
void upkeep::count_histories(double names, double bytes) {
    const double more = names - std::exchange(histories_, names);
    metrics_.histories.value() += more;
    metrics_.limit_used.at({"history.names"}) += more;
    metrics_.history_bytes.value() += bytes - std::exchange(history_bytes_, bytes);
}

}  // namespace wsidecar::redis
