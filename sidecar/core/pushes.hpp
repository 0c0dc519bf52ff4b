#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "sidecar/core/dispatch.hpp"
#include "sidecar/core/recent.hpp"

namespace wsidecar::core {

class history;

/// The subscribers to destinations.
class subscribers {
public:
    virtual ~subscribers() = default;
    /// Delivers a push for destinations or subscriptions to the subscribers at this instance. `hash` is the hash of its id. `d` is null for
    /// a channel push.
    virtual push_share push(const proto::envelope& push, const push_origin& from, std::uint64_t hash, delivery* d) = 0;
};

/// Delivers pushes from Redis to the connections of this instance. Event loop only.
class pushes {
public:
    struct neighbours {
        core::deliveries& deliveries;
        core::backlog& backlog;
        core::dispatch& dispatch;
        core::history& history;
    };
    pushes(context& x, const neighbours& n);
    /// Sets the subscribers. Must be called before the first push.
    void serve(core::subscribers& s) { subscribers_ = &s; }

    void on_push(const proto::envelope& push, const push_origin& from);
    void on_routed(std::string_view id, std::string_view target, std::string_view outcome, std::string_view reason);

private:
    recent_push& note_push(const proto::envelope& push, const push_origin& from, std::chrono::system_clock::time_point now);
    delivery* begin(const proto::envelope& push, const push_origin& from);
    push_share push_plain(const proto::envelope& push, const push_origin& from, std::uint64_t hash, delivery* d);
    void not_for_subscriber(connection& c, const push_origin& from);
    void name_absent(const proto::addresses& to, delivery_outcome& out) const;
    void name_no_member(const proto::addresses& to, delivery* d);
    void name_excepted(const proto::envelope& push, delivery_outcome& out);

    metrics& metrics_;
    timer_port& timers_;
    hub& hub_;
    departed& departed_;
    recent& recent_;
    tracing& tracing_;
    deliveries& deliveries_;
    backlog& backlog_;
    dispatch& dispatch_;
    history& history_;
    double& pushed_list_;
    double& pushed_channel_;
    subscribers* subscribers_ = nullptr;
};

}  // namespace wsidecar::core
