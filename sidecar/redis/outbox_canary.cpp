#include "sidecar/redis/outbox_canary.hpp"

#include "proto/envelope_signature.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr auto interval = 2s;
constexpr auto limit = 6s;
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

void outbox_canary::start(const std::string& instance) {
    instance_ = instance;
    heard_ = timers_.now();
    beat();
}

void outbox_canary::beat() {
    const auto silence = timers_.now() - heard_;
    metrics_.canary_seconds.at({label_}) = std::chrono::duration<double>(silence).count();
    if (link_.up() && (!on_its_way_ || silence > given_up)) {
        proto::envelope e;
        e.to.connections = {name_prefix + instance_};
        e.kind = proto::payload_kind::text;
        on_its_way_ = true;
        link_.send({config_.outbox.pop == "left" ? "RPUSH" : "LPUSH", keys_.outbox(),
                    proto::sign_envelope(proto::encode_envelope(e), config_.push.secrets)},
                   [this](proto::reply_view r) { on_its_way_ = on_its_way_ && r.is_integer(); });
    }
    timer_ = timers_.after(interval, [this] { beat(); });
}

bool outbox_canary::take(const proto::envelope& push) {
    if (push.to.connections.size() != 1 || !push.to.connections[0].starts_with(name_prefix)) {
        return false;
    }
    heard_ = timers_.now();
    on_its_way_ = false;
    return true;
}

bool outbox_canary::well() const {
    return timers_.now() - heard_ < limit;
}

}  // namespace wsidecar::redis
