#include "sidecar/redis/subscription_canary.hpp"

#include <algorithm>
#include <utility>

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr auto interval = 2s;
constexpr auto own_after = 2500ms;  ///< of many: the shared one has not come
constexpr auto own_again = 1000ms;
constexpr auto turn = 100ms;  ///< by so much later the next one on duty publishes the shared one
constexpr auto limit = 5s;    ///< with the interval's grid: a gap is noticed within 6 s

}  // namespace

subscription_canary::subscription_canary(command_port& link, command_port& publisher, channel_set& channels,
                                         const config::config& c, keys k, core::metrics& m, core::timer_port& timers)
    : link_(link), publisher_(publisher), channels_(channels), config_(c), keys_(std::move(k)), metrics_(m), timers_(timers) {}

void subscription_canary::start(const std::string& instance, const roster& all) {
    roster_ = &all;
    heard_ = timers_.now();
    own_ = keys_("canary:", instance);
    shared_ = keys_("canary");
    channels_.add(own_);
}

void subscription_canary::on_up() {
    since_ = timers_.now();
    publish(own_);
}

bool subscription_canary::take(std::string_view channel) {
    if (channel != own_ && channel != shared_) {
        return false;
    }
    heard_ = timers_.now();
    if (channel == shared_) {
        heard_shared_ = heard_;
    }
    return true;
}

bool subscription_canary::well() const {
    return timers_.now() - heard_ < limit + 1s;
}

void subscription_canary::beat() {
    if (roster_->is_large() && !config_.redis.sharded) {
        beat_of_many();
        return;
    }
    if (link_.up() && !reset_if_silent()) {
        link_.send({"PING"});
        publish(own_);
    }
    timer_ = timers_.after(interval, [this] { beat(); });
}

/// With many instances, the first one on duty publishes a canary for all, and the next one does if the first does not. An instance that
/// receives none publishes its own.
void subscription_canary::beat_of_many() {
    const auto now = timers_.now();
    auto next = std::chrono::duration_cast<std::chrono::milliseconds>(heard_ + own_after - now);
    if (link_.up() && !reset_if_silent()) {
        channels_.add(shared_);
        if (roster_->on_duty()) {
            const auto due = heard_shared_ + interval + static_cast<int>(roster_->rank()) * turn;
            if (now >= due) {
                publish(shared_);
            }
            next = std::min(next, now >= due ? std::chrono::milliseconds(interval)
                                             : std::chrono::duration_cast<std::chrono::milliseconds>(due - now));
        }
        if (now - heard_ >= own_after) {
            link_.send({"PING"});
            publish(own_);
        }
    }
    const bool silent = now - heard_ >= own_after;
    timer_ = timers_.after(silent ? own_again : std::max(next, std::chrono::milliseconds(turn)), [this] { beat(); });
}

/// Returns true after resetting the connection because no canary has returned for too long.
bool subscription_canary::reset_if_silent() {
    const auto now = timers_.now();
    metrics_.canary_seconds.at({"subscription"}) = std::chrono::duration<double>(now - heard_).count();
    // A publisher that is down, or may not publish, proves nothing about the subscription.
    const bool silent = now - std::max(heard_, since_) > limit && publisher_.up() && !refused_;
    if (silent) {
        link_.reset("no canary came back");
    }
    return silent;
}

void subscription_canary::publish(const std::string& channel) {
    publisher_.send({config_.redis.sharded ? "SPUBLISH" : "PUBLISH", channel, "1"}, [this](proto::reply_view r) {
        refused_ = r.is_error();
        if (refused_) {
            since_ = timers_.now();
        }
    });
}

}  // namespace wsidecar::redis
