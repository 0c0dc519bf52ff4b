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

/// Connections on their way into the registry. One has arrived when the registry has answered and Redis has confirmed its channels; its handshake waits
/// for that, a second at most. Once one has waited in vain, the next do not wait until the registry answers again. Event loop only.
class enrollments {
public:
    using answered = std::function<void(std::optional<core::enroll_result>)>;
    enum class kind : std::uint8_t { announce, enroll };
    struct hooks {
        /// Says it to the registry. nullopt: Redis is away.
        std::function<void(kind, const core::registration&, answered)> say;
        /// Subscribes to its channels; called back once they are confirmed, or at once where that cannot be waited for.
        std::function<void(const core::registration&, std::function<void()>)> subscribe;
    };

    explicit enrollments(core::timer_port& timers) : timers_(timers) {}

    void start(hooks h);
    void stop() { first_contact_timer_.reset(); }
    /// Redis has answered, or refused to, for the first time: who came before goes on.
    void on_first_contact();

    void begin(kind k, const core::registration& r, std::function<void(core::enroll_result)> done);
    /// The connection has ended: if it still waits for the first contact, it is called back now and said to nobody.
    void drop(const std::string& connection);

private:
    struct one;

    void send(const std::shared_ptr<one>& e);

    core::timer_port& timers_;
    hooks hooks_;
    bool hung_ = false;  ///< one has waited in vain, and nothing has been answered since
    bool first_contact_ = false;
    std::vector<std::shared_ptr<one>> early_;  ///< came before that
    core::timer_port::handle first_contact_timer_;
};

}  // namespace wsidecar::redis
