#include "tests/simulation/pod.hpp"

#include <algorithm>

#include "proto/text/ids.hpp"
#include "tests/simulation/people.hpp"
#include "tests/simulation/sim_port.hpp"
#include "tests/simulation/world.hpp"

namespace wsidecar::simulation {
using namespace std::chrono_literals;

pod::pod(world& w, int number) : world_(w), number_(number), config_(w.options().settings) {}

pod::~pod() {
    die();
}

// ------------------------------------------------------------------------------------------------------ clocks

pod::clock::time_point pod::now() const {
    const instant until = clock_stopped_ ? frozen_at_ : world_.now();
    return clock::time_point(std::chrono::hours(1) + std::chrono::microseconds(until - stood_still_));
}

std::chrono::system_clock::time_point pod::wall() const {
    return std::chrono::system_clock::time_point(std::chrono::seconds(1'795'000'000) +
                                                 std::chrono::microseconds(world_.now())) +
           wall_offset;
}

pod::handle pod::after(std::chrono::milliseconds d, std::function<void()> f) {
    auto h = std::make_shared<std::function<void()>>(std::move(f));
    const auto due = now() + d;
    const std::weak_ptr<std::function<void()>> weak = h;
    // A clock that stood still makes it wait longer.
    const auto fire = std::make_shared<std::function<void()>>();
    *fire = [this, weak, due, again = std::weak_ptr(fire)] {
        const auto what = weak.lock();
        if (!what) {
            return;
        }
        if (now() < due) {
            if (const auto self = again.lock()) {
                const auto left = std::chrono::duration_cast<std::chrono::microseconds>(due - now()).count();
                world_.to_pod(*this, world_.now() + left, [self] { (*self)(); });
            }
            return;
        }
        (*what)();
    };
    world_.to_pod(*this, world_.now() + std::chrono::duration_cast<std::chrono::microseconds>(d).count(),
                  [fire] { (*fire)(); });
    return h;
}

/// By the first part of the path.
const config::route* pod::route_of(std::string_view path) const {
    const auto first = [](std::string_view p) { return p.substr(0, p.find('/', 1)); };
    const auto it =
        std::find_if(config_.routes.begin(), config_.routes.end(), [&](const auto& r) { return first(r.path) == first(path); });
    return it == config_.routes.end() ? nullptr : &*it;
}

// --------------------------------------------------------------------------------------------------------- app

void pod::send(core::app_request request, std::function<void(core::app_answer)> done) {
    const instant there = world_.now() + world_.rng().latency();
    const auto r = std::make_shared<core::app_request>(std::move(request));
    world_.to_pod(*this, there, [this, r, done = std::move(done)] {
        core::app_answer a;
        instant answered = world_.now() + world_.rng().latency();
        if (r->wanted && !r->wanted()) {
            a.failure = core::app_failure::unsent;
        } else if (app == app_mode::away) {
            a.failure = core::app_failure::unreached;
        } else if (app == app_mode::refuses) {
            a.status = 503;
        } else {
            a = world_.app_takes(*this, *r, app == app_mode::hangs && world_.rng().once_in(2));
            if (app == app_mode::hangs) {
                a = {};
                a.failure = core::app_failure::timeout;
                answered = world_.now() + std::chrono::duration_cast<std::chrono::microseconds>(config_.app.timeout).count();
            }
        }
        world_.to_pod(*this, answered, [this, r, a, done] {
            world_.app_answered(*this, *r, a);
            done(a);
        });
    });
}

// -------------------------------------------------------------------------------------------------------- life

void pod::start() {
    if (alive()) {
        return;
    }
    ++generation_;
    frozen_ = clock_stopped_ = draining_ = false;
    app = app_mode::takes;
    const std::string name = "pod" + std::to_string(number_);
    instance = name + "-" + proto::random_hex128().substr(0, 8);
    const auto connect = [this](const std::string& link, const std::string&) {
        return std::make_unique<sim_port>(world_, *this, link);
    };
    bus_ = std::make_unique<redis::bus>(connect, config_, metrics_, *this, name, instance);
    gateway_ = std::make_unique<core::gateway>(config_, instance, metrics_, *this, *bus_, *this, [this](std::string_view path) {
        core::gateway::route_match match;
        match.route = route_of(path);
        match.variables = {{"device", std::string(path.substr(path.rfind('/') + 1))}};
        return match;
    });
    world_.note("starts", *this, instance);
    core::bus_hooks hooks;
    hooks.pushes = gateway_.get();
    hooks.tell = [this](const std::string& path, std::string body, const std::string& id, std::function<void(bool)> done) {
        gateway_->tell(path, std::move(body), id, std::move(done));
    };
    hooks.disconnect_on_behalf = [this](const core::lost_connection& lost, std::function<void(bool)> done) {
        gateway_->disconnect_on_behalf(lost, std::move(done));
    };
    hooks.renamed = [this](const std::string& fresh) {
        world_.note("renamed", *this, fresh);
        instance = fresh;
        gateway_->set_instance(fresh);
    };
    hooks.fatal = [this](const std::string& why) { world_.broken("fatal", "pod " + std::to_string(number_) + ": " + why); };
    bus_->start(std::move(hooks));
}

void pod::die() {
    if (!alive()) {
        return;
    }
    ++generation_;  // nothing enters any more
    backlog_.clear();
    timer_.reset();
    const auto theirs = std::move(sockets);
    sockets.clear();
    for (const auto& s : theirs) {
        s->pod_died();
    }
    bus_->stop();
    gateway_.reset();
    bus_.reset();
    frozen_ = clock_stopped_ = false;
}

void pod::freeze(bool with_clock) {
    if (alive() && !frozen_) {
        frozen_ = true;
        clock_stopped_ = with_clock;
        frozen_at_ = world_.now();
    }
}

void pod::thaw() {
    if (!frozen_) {
        return;
    }
    stood_still_ += clock_stopped_ ? world_.now() - frozen_at_ : 0;
    frozen_ = clock_stopped_ = false;
    const int g = generation_;
    while (!backlog_.empty() && g == generation_ && !frozen_) {
        const auto next = std::move(backlog_.front());
        backlog_.pop_front();
        next();
    }
}

void pod::enter(std::function<void()> what) {
    if (frozen_) {
        backlog_.push_back(std::move(what));
    } else {
        what();
    }
}

// ------------------------------------------------------------------------------------------- as app/drain does

void pod::drain() {
    if (!ready() || frozen_) {
        return;
    }
    draining_ = true;
    bus_->wind_down();
    const auto theirs = sockets;
    for (const auto& s : theirs) {
        world_.to_pod(*this, world_.now() + world_.rng().between(0, 800) * ms, [s] { s->close(1012, "service restart"); });
    }
    give_up_ = world_.now() + 6 * second;
    timer_ = after(900ms, [this] { await_end(); });
}

void pod::await_end() {
    if (gateway_->unfinished() > 0 && world_.now() < give_up_) {
        timer_ = after(20ms, [this] { await_end(); });
        return;
    }
    leave();
}

void pod::leave() {
    bus_->leave([this, g = generation_] {
        world_.queue().after(0, [this, g] {
            if (g == generation_) {
                world_.note("has left", *this, instance);
                die();
            }
        });
    });
}

}  // namespace wsidecar::simulation
