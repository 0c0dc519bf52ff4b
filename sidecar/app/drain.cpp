#include "sidecar/app/drain.hpp"

#include "sidecar/core/log.hpp"

namespace wsidecar::app {
using namespace std::chrono_literals;
namespace {

constexpr auto look_again = 20ms;
/// For disconnect events that the app does not take; another pod sends them once this one's lease is gone.
constexpr auto patience = 10s;
constexpr auto hurried_patience = 500ms;

}  // namespace

drain::drain(const config::drain& times, net::server& clients, net::http_pass* pass, net::relay* relay, core::gateway& gateway,
             core::bus& bus, core::timer_port& timers, core::metrics& metrics)
    : times_(times),
      clients_(clients),
      pass_(pass),
      relay_(relay),
      gateway_(gateway),
      bus_(bus),
      timers_(timers),
      metrics_(metrics) {}

void drain::enter(stage s) {
    stage_ = s;
    metrics_.draining.value() = s == stage::serving ? 0 : s == stage::drained ? 2 : 1;
}

void drain::begin(std::function<void()> done) {
    if (stage_ == stage::drained) {
        done();
        return;
    }
    done_.push_back(std::move(done));
    if (stage_ != stage::serving) {
        return;
    }
    enter(stage::delaying);
    core::log::info(
        "drain", "draining",
        {{"connections", gateway_.connections()}, {"delay_ms", times_.delay.count()}, {"period_ms", times_.period.count()}});
    // Load balancers need a moment to see that this pod is not ready; until then it takes what they send.
    timer_ = timers_.after(times_.delay, [this] { close_all(); });
}

void drain::hurry() {
    hurried_ = true;
    switch (stage_) {
        case stage::delaying:
        case stage::closing: close_all(); break;
        case stage::finishing: give_up_ = std::min(give_up_, timers_.now() + hurried_patience); break;
        default: break;
    }
}

void drain::close_all() {
    enter(stage::closing);
    timer_.reset();
    clients_.refuse_upgrades(true);
    bus_.wind_down();
    if (pass_ != nullptr) {
        pass_->close_tunnels();
    }
    clients_.drain(hurried_ ? 0ms : times_.period, [this] { await_events(); });
    if (hurried_) {
        clients_.close_all();
        // A client that does not answer the close is not waited for.
        timer_ = timers_.after(hurried_patience, [this] {
            clients_.stop();
            await_events();
        });
    }
}

void drain::await_events() {
    if (stage_ == stage::closing) {
        enter(stage::finishing);
        if (relay_ != nullptr) {
            relay_->stop();
        }
        give_up_ = timers_.now() + (hurried_ ? std::chrono::milliseconds(hurried_patience) : patience);
    }
    if (stage_ != stage::finishing) {
        return;
    }
    const bool events = gateway_.unfinished() > 0;
    if (!events || timers_.now() >= give_up_) {
        if (events) {
            core::log::warn("drain", "the app did not take all disconnect events: another pod will send them",
                            {{"missing", gateway_.unfinished()}});
        }
        leave();
        return;
    }
    timer_ = timers_.after(look_again, [this] { await_events(); });
}

void drain::leave() {
    timer_.reset();
    bus_.leave([this] {
        enter(stage::drained);
        core::log::info("drain", "drained");
        const auto waiting = std::move(done_);
        done_.clear();
        for (const auto& done : waiting) {
            done();
        }
    });
}

}  // namespace wsidecar::app
