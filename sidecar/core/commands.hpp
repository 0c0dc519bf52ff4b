#pragma once

#include <string>

#include "sidecar/core/context.hpp"

namespace wsidecar::proto {
struct app_reply;
}  // namespace wsidecar::proto

namespace wsidecar::core {

class deliveries;
class history;

/// Applies the commands in the app's answers (names, state, cookies) to a connection. Event loop only.
class commands {
public:
    commands(context& x, core::deliveries& deliveries, core::history& history);

    void reconfigured();
    /// Applies the commands of an answer. Returns true if the connection's names have changed and the registry must be updated. With
    /// `open`, a new state alone is written to the registry now.
    bool take(connection& c, proto::app_reply& r, bool open);
    /// Applies only the cookies of an answer whose other commands are ignored.
    void take_cookies(connection& c, const field_list& headers);
    /// Counts and logs problems of an answer.
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
