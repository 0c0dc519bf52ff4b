#include "sidecar/redis/work_queue.hpp"

#include <utility>

#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {

void work_queue::rename(const std::string& instance) {
    instance_ = instance;
    std::erase_if(entries_, [](const auto& e) { return e.second != stage::in_hand; });
}

void work_queue::take(const char* most, std::function<void(std::vector<std::string>)> use) {
    if (!link_.up() || !idle()) {
        return;
    }
    taking_ = true;
    scripts::take_work.run(link_, keys_(queue_), {keys_.prefix, instance_, queue_, most},
                           [this, use = std::move(use)](proto::reply_view r) {
                               taking_ = false;
                               std::vector<std::string> fresh;
                               std::vector<std::string> taken;
                               std::vector<std::string> refused;
                               for (std::size_t i = 0; i < r.size(); ++i) {
                                   std::string entry(r[i].text());
                                   const auto [at, first] = entries_.try_emplace(entry, stage::in_hand);
                                   if (first) {
                                       ++in_hand_;
                                       fresh.push_back(std::move(entry));
                                   } else if (at->second != stage::in_hand) {
                                       (at->second == stage::taken ? taken : refused).push_back(std::move(entry));
                                   }
                               }
                               if (!taken.empty()) {
                                   say_done(taken, true);
                               }
                               if (!refused.empty()) {
                                   say_done(refused, false);
                               }
                               if (!fresh.empty()) {
                                   use(std::move(fresh));
                               }
                           });
}

void work_queue::done(const std::vector<std::string>& entries, bool taken) {
    for (const auto& e : entries) {
        if (const auto at = entries_.find(e); at != entries_.end() && at->second == stage::in_hand) {
            at->second = taken ? stage::taken : stage::refused;
            --in_hand_;
        }
    }
    say_done(entries, taken);
}

void work_queue::say_done(const std::vector<std::string>& entries, bool taken) {
    std::vector<std::string> arguments{keys_.prefix, instance_, queue_, taken ? "1" : "0"};
    arguments.insert(arguments.end(), entries.begin(), entries.end());
    scripts::end_work.run(link_, keys_(queue_), std::move(arguments), [this, entries](proto::reply_view r) {
        if (!r.is_integer()) {
            return;  // said again when it is taken again
        }
        for (const auto& e : entries) {
            if (const auto at = entries_.find(e); at != entries_.end() && at->second != stage::in_hand) {
                entries_.erase(at);
            }
        }
    });
}

}  // namespace wsidecar::redis
