#pragma once

#include <string>
#include <vector>

#include "sidecar/core/pushes.hpp"
#include "sidecar/core/stomp/client.hpp"
#include "sidecar/core/stomp/shared.hpp"

namespace wsidecar::core {

class stomp_acks;
class stomp_message;

/// Delivers pushes to destinations as MESSAGE frames to the subscribers of this instance. Event loop only.
class stomp_broker final : public subscribers {
public:
    struct neighbours {
        stomp_acks& acks;
        core::deliveries& deliveries;
        core::backlog& backlog;
        core::dispatch& dispatch;
    };
    stomp_broker(context& x, stomp_shared& shared, const neighbours& n);

    push_share push(const proto::envelope& push, const push_origin& from, std::uint64_t hash, delivery* d) override;
    /// Answers a SUBSCRIBE to an app destination with one MESSAGE.
    void answer(connection& c, const stomp_request& r, const proto::envelope& push);
    /// The registry has this subscription: sends the pushes that it held back.
    void release(subscription& s);

private:
    struct match_of_push {
        subscription* to;
        const std::string* destination;  ///< of the push
    };
    using matches = std::vector<match_of_push>;
    static std::vector<std::string> keys_of(const proto::addresses& to);
    void match(const proto::envelope& push, bool kept, matches& out);
    void name_unsubscribed(const proto::addresses& to, const matches& matched, delivery_outcome& out) const;
    void deliver_message(subscription& s, stomp_message& message, const std::string& destination, const proto::envelope& push,
                         const push_origin& from, std::uint64_t sent_as);

    metrics& metrics_;
    timer_port& timers_;
    hub& hub_;
    const std::string& instance_;
    subscriptions& subscriptions_;
    std::uint64_t& messages_;
    stomp_acks& acks_;
    deliveries& deliveries_;
    backlog& backlog_;
    dispatch& dispatch_;
};

}  // namespace wsidecar::core
