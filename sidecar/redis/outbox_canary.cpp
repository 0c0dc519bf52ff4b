#include "sidecar/redis/outbox_canary.hpp"

#include <algorithm>

#include "proto/envelope_signature.hpp"
#include "sidecar/redis/canary_name.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr auto interval = 2s;
constexpr auto limit = 6s;
constexpr auto shared_after = 3s;  ///< of many instances, since the last one to all
constexpr auto turn = 200ms;       ///< by so much later the next one on duty does it
constexpr auto own_after = 4500ms;
constexpr auto again = 1000ms;
constexpr auto interval_of_many = std::chrono::milliseconds(5s);
constexpr auto given_up = 30s;  ///< it was lost with Redis' data, most likely

}  // namespace

outbox_canary::outbox_canary(command_port& commands, const config::config& c, keys k, core::metrics& m,
                             core::timer_port& timers, shard_number at)
    : link_(commands),
      config_(c),
      keys_(std::move(k)),
      metrics_(m),
      timers_(timers),
      label_(at.here == 0 ? "outbox" : "outbox:" + std::to_string(at.here)),
      heard_(timers.now()) {}

void outbox_canary::start(const std::string& instance, const roster& all) {
    instance_ = instance;
    roster_ = &all;
    heard_ = heard_shared_ = timers_.now();
    beat();
}

void outbox_canary::beat() {
    const auto now = timers_.now();
    metrics_.canary_seconds.at({label_}) = std::chrono::duration<double>(now - heard_).count();
    if (!roster_->is_large()) {
        send(own_name());
        timer_ = timers_.after(interval, [this] { beat(); });
        return;
    }
    // The first instance on duty sends the shared canary; the next one does if the first does not.
    const bool speaks = roster_->on_duty();
    const auto due = speaks ? heard_shared_ + shared_after + static_cast<int>(roster_->rank()) * turn : heard_ + own_after;
    if (now >= due) {
        send(speaks ? std::string(shared_canary_connection) : own_name());
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(due - now);
    timer_ = timers_.after(now >= due ? again : std::clamp(left, turn, interval_of_many), [this] { beat(); });
}

std::string outbox_canary::own_name() const {
    return std::string(canary_connection) + instance_;
}

void outbox_canary::send(const std::string& to) {
    if (!link_.up() || (on_its_way_ && timers_.now() - heard_ <= given_up)) {
        return;
    }
    proto::envelope e;
    e.to.connections = {to};
    e.kind = proto::payload_kind::text;
    on_its_way_ = true;
    link_.send({config_.outbox.pop == "left" ? "RPUSH" : "LPUSH", keys_.outbox(),
                proto::sign_envelope(proto::encode_envelope(e), config_.push.secrets)},
               [this](proto::reply_view r) { on_its_way_ = on_its_way_ && r.is_integer(); });
}

void outbox_canary::proved() {
    if (roster_->is_large()) {
        heard_ = timers_.now();
    }
}

bool outbox_canary::take(const proto::envelope& push) {
    if (push.to.connections.size() != 1 || !push.to.connections[0].starts_with(canary_connection)) {
        return false;
    }
    heard_ = timers_.now();
    if (push.to.connections[0] == shared_canary_connection) {
        heard_shared_ = heard_;
    }
    on_its_way_ = false;
    return true;
}

bool outbox_canary::well() const {
    return stopped_ || timers_.now() - heard_ < limit;
}

}  // namespace wsidecar::redis
