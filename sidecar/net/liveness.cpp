#include "sidecar/net/liveness.hpp"

#include <algorithm>

#include "proto/text/ids.hpp"

namespace wsidecar::net {
namespace {

constexpr std::uint32_t shortest_look = 250;
/// How long the last bytes may take, whatever progress they make.
constexpr std::uint32_t leaving_at_most = 30'000;

}  // namespace

void liveness::start(const config::route& r, std::uint32_t now) {
    const std::uint32_t every = in_milliseconds(r.ping);
    if (every != 0) {
        next_ping_ = now + every / 4 + proto::random_below(every - every / 4 + 1);
    }
}

void liveness::pinged(const config::route& r, std::uint32_t now) {
    heard_ = false;
    awaiting_pong_ = true;
    next_ping_ = now + in_milliseconds(r.ping);
    pong_due_ = now + in_milliseconds(r.pong_timeout);
}

void liveness::asked_for_proof(const config::route& r, std::uint32_t now) {
    proof_due_ = now + in_milliseconds(r.ping) + in_milliseconds(r.pong_timeout);
}

void liveness::resumed(const config::route& r, std::uint32_t now) {
    if (awaiting_pong_) {
        pong_due_ = now + in_milliseconds(r.pong_timeout);
    }
    asked_for_proof(r, now);
}

std::uint32_t liveness::next_look(const config::route& r, std::uint32_t now, bool proof) const {
    std::uint32_t wait = r.ping.count() > 0 ? until(next_ping_, now) : UINT32_MAX;
    if (awaiting_pong_) {
        // With pings more frequent than pong_timeout: look again whether it was heard, then the next one can go.
        wait = std::min(std::max(wait, shortest_look), until(pong_due_, now));
    }
    return proof ? std::min(wait, until(proof_due_, now)) : wait;
}

void liveness::begin_leaving(std::uint32_t now, std::uint32_t acknowledged) {
    deadline_ = now + leaving_at_most;
    acknowledged_ = acknowledged;
}

bool liveness::still_leaving(std::uint32_t now, std::uint32_t acknowledged) {
    if (acknowledged == acknowledged_ || is_due(deadline_, now)) {
        return false;
    }
    acknowledged_ = acknowledged;
    return true;
}

}  // namespace wsidecar::net
