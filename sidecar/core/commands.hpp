#pragma once

#include <string>

#include "sidecar/core/context.hpp"

namespace wsidecar::proto {
struct app_reply;
}  // namespace wsidecar::proto

namespace wsidecar::core {

class deliveries;
class history;

/// Commands of the app's answers: names, state, cookies.
class commands {
public:
    commands(context& x, core::deliveries& deliveries, core::history& history);

    void reconfigured();
    /// True: the connection has other names now, and the registry has to hear of them. `open`: the state is told to the registry
    /// at once.
    bool take(connection& c, proto::app_reply& r, bool open);
    /// Of an answer whose commands are not taken.
    void take_cookies(connection& c, const field_list& headers);
    /// Counts and logs what was wrong with an answer.
    void note_problems(const connection& c, const proto::app_reply& r);

private:
    void set_cookies(connection& c, proto::app_reply& r);

    const config::config& config_;
    metrics& metrics_;
    timer_port& timers_;
    hub& hub_;
    deliveries& deliveries_;
    history& history_;
    bool replays_cookie_ = false;
};

}  // namespace wsidecar::core
