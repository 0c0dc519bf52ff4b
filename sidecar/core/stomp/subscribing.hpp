#pragma once

#include <memory>
#include <string>

#include "sidecar/core/stomp/client.hpp"

namespace wsidecar::core {

class inbound_lane;
class stomp_joins;
class stomp_turns;

/// Processes SUBSCRIBE and UNSUBSCRIBE: checks the limits and asks the app. Event loop only.
class stomp_subscribing {
public:
    stomp_subscribing(stomp_turns& turns, stomp_joins& joins, core::inbound_lane& lane)
        : turns_(turns), joins_(joins), lane_(lane) {}

    void subscribe(const connection_ptr& c, const std::shared_ptr<stomp_request>& r);
    /// The app has allowed the subscription.
    void join(const connection_ptr& c, const std::shared_ptr<stomp_request>& r);
    void unsubscribe(const connection_ptr& c, const std::shared_ptr<stomp_request>& r);

private:
    static bool is_subscribed(const connection& c, const stomp_request& r);
    void subscribe_to_app(const connection_ptr& c, const std::shared_ptr<stomp_request>& r, const std::string& destination);
    void subscribe_to_broker(const connection_ptr& c, const std::shared_ptr<stomp_request>& r, const std::string& destination);

    stomp_turns& turns_;
    stomp_joins& joins_;
    inbound_lane& lane_;
};

}  // namespace wsidecar::core
