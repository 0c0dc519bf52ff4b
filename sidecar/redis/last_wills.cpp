#include "sidecar/redis/last_wills.hpp"

#include <chrono>

#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
namespace {

constexpr std::size_t wills_at_most = 4096;
/// Redis remembers for this long that it has had an event (told:end:<connection>, lua/bequeath.lua). Until then it can safely be written
/// again.
constexpr auto remembered_by_redis = std::chrono::minutes(9);

}  // namespace

void last_wills::leave(const std::string& connection, const std::string& entry) {
    if (wills_.emplace(connection, will{entry, timers_.now(), {}, {}}).second) {
        order_.push_back(connection);
        if (order_.size() > wills_at_most) {
            wills_.erase(order_.front());
            order_.pop_front();
        }
    }
    const auto now = ask_();
    if (!now) {
        unsaid_.emplace_back(connection, entry);
        return;
    }
    scripts::bequeath.run(link_, keys_("conn:", connection),
                          {keys_.prefix, now->instance, connection, std::to_string(config_.outbox.grace.count()), entry},
                          [this, connection, entry, epoch = now->epoch, generation = now->generation](proto::reply_view v) {
                              if (v.is_null() || v.is_error()) {
                                  unsaid_.emplace_back(connection, entry);
                              } else if (const auto it = wills_.find(connection); it != wills_.end()) {
                                  it->second.epoch = epoch;
                                  it->second.generation = generation;
                              }
                          });
}

bool last_wills::repeat(const std::string& connection) {
    const auto found = wills_.find(connection);
    if (found == wills_.end()) {
        return false;
    }
    leave(connection, std::string(found->second.entry));
    return true;
}

void last_wills::say_unsaid() {
    for (const auto& [connection, entry] : std::exchange(unsaid_, {})) {
        leave(connection, entry);
    }
}

void last_wills::say_again() {
    const auto now = ask_();
    if (!now) {
        return;
    }
    std::vector<std::pair<std::string, std::string>> again;
    for (const auto& [connection, w] : wills_) {
        if (may_be_lost(w, *now)) {
            again.emplace_back(connection, w.entry);
        }
    }
    for (const auto& [connection, entry] : again) {
        leave(connection, entry);
    }
}

/// Other data do not have the event; another history of the same data may have lost it.
bool last_wills::may_be_lost(const will& w, const standing& now) const {
    const auto age = timers_.now() - w.since;
    return (w.epoch != now.epoch && age < config_.app.retry.lost_event_age) ||
           (w.generation != now.generation && age < remembered_by_redis);
}

}  // namespace wsidecar::redis
