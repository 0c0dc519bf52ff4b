// world: what happens to instances, their links, Redis and the apps; and how all of it ends.

#include "tests/simulation/world.hpp"

namespace wsidecar::simulation {

// --------------------------------------------------------------------------------------- instances, their links

pod* world::living(std::uint32_t n) {
    for (std::size_t i = 0; i < pods_.size(); ++i) {
        auto& p = pods_[(n + i) % pods_.size()];
        if (p->alive() && !p->draining()) {
            return p.get();
        }
    }
    return nullptr;
}

void world::trouble(instant length) {
    book_.troubles.emplace_back(now(), now() + length + 3 * second);
}

/// Redis has lost all registrations. An instance that cannot register again for longer than the others wait is taken for dead, and nobody
/// knows of its connections until it can.
void world::forget_troubled() {
    for (const auto& v : book_.visits) {
        for (const auto& [from, until] : book_.pod_troubles[v->pod]) {
            if (v->ended < 0 && from <= now() && until > now() + 3 * second) {
                v->sure_from = std::max(v->sure_from, until);
            }
        }
    }
}

void world::pod_trouble(const pod& p, instant length) {
    book_.pod_troubles[p.number()].emplace_back(now(), now() + length + 3 * second);
}

void world::pod_act(const action& a) {
    pod* const p = living(a.a);
    if (p == nullptr) {
        return;
    }
    switch (a.what) {
        case act::kill: kill(*p); break;
        case act::start:
            for (auto& other : pods_) {
                if (!other->alive()) {
                    other->start();
                    break;
                }
            }
            break;
        case act::freeze: {
            const instant length = a.b % 3 == 0 ? (5000 + a.c % 6000) * ms : (100 + a.c % 4000) * ms;
            p->freeze(a.d % 2 == 0);
            pod_trouble(*p, length);
            queue_.after(length, [p, g = p->generation()] {
                if (p->generation() == g) {
                    p->thaw();
                }
            });
            break;
        }
        case act::drain:
            p->drain();
            pod_trouble(*p, 8 * second);
            queue_.after(8 * second, [p] {
                if (!p->alive()) {
                    p->start();
                }
            });
            break;
        default: {
            const auto mode = a.what == act::app_refuses ? app_mode::refuses
                              : a.what == act::app_away  ? app_mode::away
                                                         : app_mode::hangs;
            p->app = mode;
            book_.app_hung = book_.app_hung || mode == app_mode::hangs;
            queue_.after((500 + a.b % 5500) * ms, [p, mode] { p->app = p->app == mode ? app_mode::takes : p->app; });
        }
    }
}

void world::link_act(const action& a) {
    pod* const p = living(a.a);
    if (p == nullptr || p->ports().empty()) {
        return;
    }
    // The commands' link does most, so it is chosen most.
    sim_port& port = *p->ports()[a.b % 2 == 0 ? 0 : a.b / 2 % p->ports().size()];
    const auto which = a.c % 4 == 0   ? sim_port::which::next
                       : a.c % 4 == 1 ? sim_port::which::that_writes
                                      : sim_port::which::that_moves;
    pod_trouble(*p, 2 * second);
    switch (a.what) {
        case act::cut_link: port.cut(); break;
        case act::cut_links: {
            const auto all = p->ports();
            for (auto* x : all) {
                x->cut();
            }
            break;
        }
        case act::late_link: port.cut(true); break;
        case act::answer_lost: port.arm(sim_port::fate::answer_lost, which); break;
        case act::command_lost: port.arm(sim_port::fate::not_done, sim_port::which::next); break;
        case act::answer_late:
            port.arm(sim_port::fate::answer_late, which);
            pod_trouble(*p, 6 * second);
            break;
        case act::dies_behind:
            book_.any_kill = true;
            port.arm(sim_port::fate::pod_dies, which);
            break;
        default: port.stall(now() + (200 + a.d % 6000) * ms); pod_trouble(*p, 6 * second);
    }
}

// ------------------------------------------------------------------------------------------------------- Redis

void world::drop_all_links() {
    for (auto& p : pods_) {
        const auto all = p->ports();
        for (auto* x : all) {
            x->cut();
        }
    }
}

void world::end_outage() {
    if (const auto back = std::exchange(back_, {})) {
        back();
    }
}

/// The Redis that is there from now on has not had the last writes.
void world::lose(std::size_t writes, const char* how) {
    const auto n = current_->lose_writes(writes);
    current_->new_history();
    book_.losses.push_back(now());
    for (auto& p : book_.pushes) {
        p.excused = p.excused || (p.by != push::door::channel && p.write > current_->data().writes());
    }
    note(std::string(how) + ": " + std::to_string(n) + " writes are lost");
}

/// Of Redis, by so many ms.
void world::step_clock(std::int64_t by) {
    book_.clock_steps.push_back(now());
    current_->step_clock(by);
    set_back_ += std::max<instant>(-by * ms, 0);
}

void world::redis_act(const action& a) {
    // Mostly little is lost.
    const std::size_t writes = a.b % 4 == 0 ? 0 : a.b % 4 == 1 ? 1 + a.c % 6 : 1 + a.c % 80;
    switch (a.what) {
        case act::outage: {
            const instant length = (50 + a.a % 5000) * ms;
            trouble(length);
            end_outage();
            outage_ = true;
            drop_all_links();
            back_ = [this, writes, old = a.d % 3 == 0] {
                outage_ = false;
                old ? lose(writes, "restart with old data") : current_->new_history();
            };
            queue_.after(length, [this] { end_outage(); });
            break;
        }
        case act::failover:
        case act::failover_behind:
            trouble(0);
            drop_all_links();
            lose(writes, "failover");
            if (a.what == act::failover_behind) {
                step_clock(-static_cast<std::int64_t>(a.d % 15000));
            }
            break;
        case act::emptied:
            trouble(0);
            if (a.a % 2 == 0) {
                drop_all_links();
                current_->new_history();
            }
            (void)current_->ask({"FLUSHALL"});
            book_.losses.push_back(now());
            for (auto& p : book_.pushes) {
                p.excused = true;
            }
            forget_troubled();
            break;
        case act::split: {
            trouble(0);
            redis_model* const old = current_;
            servers_.push_back(current_->copy(rng_.next()));
            current_ = servers_.back().get();
            // The old master ends, or becomes a replica, before those who are alone with it must take the others for dead.
            const instant length = (200 + a.a % 2800) * ms;
            queue_.after(length, [this, old] {
                for (auto& p : pods_) {
                    const auto all = p->ports();
                    for (auto* x : all) {
                        if (x->server() == old) {
                            x->cut();
                        }
                    }
                }
            });
            trouble(length);
            lose(a.b % 2 == 0 ? 0 : writes, "planned switch");
            for (auto& p : pods_) {
                const auto all = p->ports();
                for (auto* x : all) {
                    if (rng_.once_in(2)) {
                        x->cut();
                    }
                }
            }
            break;
        }
        case act::full:
        case act::read_only:
        case act::busy:
        case act::migration: {
            const auto what = a.what == act::full        ? redis_model::trouble::full
                              : a.what == act::read_only ? redis_model::trouble::read_only
                              : a.what == act::busy      ? redis_model::trouble::busy
                                                         : redis_model::trouble::migrating;
            const instant length = (50 + a.a % 5000) * ms;
            trouble(length);
            current_->set_trouble(what);
            queue_.after(length, [this, what] {
                if (current_->in_trouble() == what) {
                    current_->set_trouble(redis_model::trouble::none);
                }
            });
            break;
        }
        case act::clock: {
            const auto by = static_cast<std::int64_t>(a.a % 20000);
            trouble(0);
            step_clock(a.b % 2 == 0 ? by : -by);
            break;
        }
        case act::group_gone:
            book_.group_gone = true;
            (void)current_->ask({"XGROUP", "DESTROY", "events", "w"});
            break;
        default: current_->flush_scripts();
    }
}

void world::heal() {
    note("=== everything heals");
    healed_ = true;
    end_outage();
    current_->set_trouble(redis_model::trouble::none);
    for (auto& p : pods_) {
        p->app = app_mode::takes;
        if (p->frozen()) {
            p->thaw();
        }
        if (!p->alive()) {
            p->start();
        }
        for (auto* x : p->ports()) {
            x->stall(0);
            x->arm(sim_port::fate::none, sim_port::which::next);
        }
    }
    for (auto& d : devices_) {
        d->answers = true;
        if (d->now) {
            d->now->pong_now();
        }
    }
}

}  // namespace wsidecar::simulation
