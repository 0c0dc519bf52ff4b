#pragma once

#include <string>
#include <string_view>

#include "sidecar/core/context.hpp"
#include "sidecar/core/stomp/client.hpp"
#include "sidecar/core/stomp/shared.hpp"

namespace wsidecar::core {

class inbound_lane;
class stomp_acks;
class stomp_replies;

/// Parses a STOMP client's bytes into frames. Transactions, the rules for CONNECT, and acknowledgements are handled at once; other frames go
/// into the inbound lane. Event loop only.
class stomp_frames {
public:
    stomp_frames(context& x, stomp_shared& shared, stomp_replies& replies, stomp_acks& acks, core::inbound_lane& lane);

    void await_connect(connection& c);
    /// Ends the oldest connection that has sent no CONNECT in time. Returns false if there is none.
    bool end_silent_one();
    void feed(connection& c, std::string_view bytes);

private:
    void await_frame(connection& c);
    void take(connection& c, const proto::stomp::frame& f);
    void take_into(connection& c, stomp_client::transaction& t, const proto::stomp::frame& f, const std::string& receipt);
    void hello(connection& c, const proto::stomp::frame& f);
    void transaction(connection& c, const proto::stomp::frame& f, const std::string& receipt);

    metrics& metrics_;
    timer_port& timers_;
    silent_stomps& silent_;
    stomp_replies& replies_;
    stomp_acks& acks_;
    inbound_lane& lane_;
};

}  // namespace wsidecar::core
