#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/core/bus.hpp"
#include "sidecar/core/ports.hpp"

namespace wsidecar::redis {

/// Connections that are being registered. A registration is complete when the registry has answered and Redis has confirmed the
/// connection's channels; the handshake waits for that for at most 1 s. After one registration has timed out, later handshakes do not
/// wait until the registry answers again. Event loop only.
class enrollments {
public:
    using answered = std::function<void(std::optional<core::enroll_result>)>;
    enum class kind : std::uint8_t { announce, enroll };
    struct hooks {
        /// Sends the registration to the registry. The callback gets nullopt if Redis is away.
        std::function<void(kind, const core::registration&, answered)> say;
        /// Subscribes to the connection's channels. The callback runs when Redis has confirmed them, or at once if Redis is away.
        std::function<void(const core::registration&, std::function<void()>)> subscribe;
    };

    explicit enrollments(core::timer_port& timers) : timers_(timers) {}

    void start(hooks h);
    void stop() { first_contact_timer_.reset(); }
    /// Redis has answered, possibly with a refusal, for the first time: sends the registrations that were begun before.
    void on_first_contact();

    void begin(kind k, const core::registration& r, std::function<void(core::enroll_result)> done);
    /// The connection has ended. If its registration still waits for the first contact, it is not sent, and its `done` runs now.
    void drop(const std::string& connection);

private:
    struct one;

    void send(const std::shared_ptr<one>& e);

    core::timer_port& timers_;
    hooks hooks_;
    bool hung_ = false;  ///< a registration has timed out, and the registry has not answered since
    bool first_contact_ = false;
    std::vector<std::shared_ptr<one>> early_;  ///< begun before the first contact
    core::timer_port::handle first_contact_timer_;
};

}  // namespace wsidecar::redis
