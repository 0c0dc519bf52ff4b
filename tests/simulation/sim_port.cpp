#include "tests/simulation/sim_port.hpp"

#include <algorithm>

#include "tests/simulation/pod.hpp"
#include "tests/simulation/world.hpp"

namespace wsidecar::simulation {
using namespace std::chrono_literals;
namespace {

constexpr auto reply_limit = 4s;  ///< as redis/link has them
constexpr auto prompt = 1s;

std::string line_of(std::string_view info, std::string_view key) {
    const auto at = info.find(key);
    return at == std::string_view::npos ? std::string()
                                        : std::string(info.substr(at + key.size(), info.find('\r', at) - at - key.size()));
}

}  // namespace

sim_port::sim_port(world& w, pod& owner, std::string name) : world_(w), pod_(owner), name_(std::move(name)) {
    pod_.add(*this);
}

sim_port::~sim_port() {
    stop();
    pod_.remove(*this);
}

void sim_port::start(hooks h) {
    hooks_ = std::move(h);
    dial(0);
}

void sim_port::stop() {
    stopped_ = true;
    *alive_ = false;
    up_ = false;
    if (line_ && line_->open) {
        cut();
    }
}

/// When a message that leaves now is there.
instant sim_port::way(instant earliest) {
    return std::max({earliest, world_.now() + world_.rng().latency(), stalled_until_});
}

// --------------------------------------------------------------------------------------------------- dialling

void sim_port::dial(instant after) {
    world_.to_pod(pod_, world_.now() + after + world_.rng().latency(), [this, alive = alive_] {
        if (!*alive || up_) {
            return;
        }
        log_in();
    });
}

void sim_port::log_in() {
    redis_model* const to = world_.server_for(pod_, name_);
    const auto failed = [this](const char* why) {
        state_ = why;
        ++failures_;
        const auto ceiling = std::min<instant>(1000, 50LL << std::min(failures_, 5U)) * ms;
        dial(ceiling / 2 + static_cast<instant>(world_.rng().below(static_cast<std::uint64_t>(ceiling / 2 + 1))));
    };
    if (to == nullptr || stalled_until_ > world_.now()) {
        failed("refused");
        return;
    }
    if (const reply role = to->ask({"ROLE"}); !role.is_error() && role.items[0].text == "slave") {
        failed("READONLY: a replica, not the master");
        return;
    }
    history_.clear();
    if (!world_.options().no_info) {
        if (const reply info = to->ask({"INFO", "server"}); !info.is_error()) {
            history_ = line_of(info.text, "run_id:") + '/' + line_of(info.text, "master_replid:");
        }
    }
    major_ = to->major();
    server_ = to;
    line_ = std::make_shared<line>();
    line_->remote = to->connect([this, alive = alive_, weak = std::weak_ptr(line_)](reply r) {
        if (const auto l = weak.lock(); *alive && l) {
            answer(l, std::move(r));
        }
    });
    failures_ = 0;
    up_ = true;
    state_ = "ok";
    well_since_ = pod_.now();
    last_bytes_ = pod_.now();
    world_.note("link up", pod_, name_);
    hooks_.up();
}

// ---------------------------------------------------------------------------------------------------- commands

void sim_port::send(const std::vector<std::string>& w, handler done, std::chrono::milliseconds blocking) {
    if (!up_) {
        if (done) {
            done(proto::reply_view());
        }
        return;
    }
    if (!hooks_.message) {
        pending_.push_back({std::move(done), pod_.now(), blocking});
        watch();
    }
    line_->sent.push_back(w);
    line_->last_there = way(line_->last_there);
    world_.queue().at(line_->last_there, [this, alive = alive_, l = line_] {
        if (*alive && l->open) {
            arrive(l);
        }
    });
}

/// Redis has one command of this connection before it.
void sim_port::arrive(const std::shared_ptr<line>& l) {
    if (!world_.reachable(server_)) {
        return;  // the outage breaks the line
    }
    const words w = std::move(l->sent.front());
    l->sent.pop_front();
    if (fate_ == fate::not_done && which_ == which::next) {
        fate_ = fate::none;
        world_.note("command lost", pod_, name_ + " " + w[0]);
        l->sent.clear();
        l->lost_answers = true;
        cut();
        return;
    }
    world_.run(*server_, l->remote, w, pod_, name_);
}

bool sim_port::matches(const reply& r, bool wrote) const {
    switch (which_) {
        case which::next: return true;
        case which::that_writes: return wrote;
        case which::that_moves:
            return wrote && r.is == reply::kind::array && std::any_of(r.items.begin(), r.items.end(), [](const reply& i) {
                       return i.is == reply::kind::bulk && i.text.size() > 12;
                   });
    }
    return false;
}

void sim_port::answer(const std::shared_ptr<line>& l, reply r) {
    if (!l->open || l->lost_answers) {
        return;
    }
    if (fate_ != fate::none && matches(r, server_->last_was_write())) {
        const auto f = std::exchange(fate_, fate::none);
        if (f == fate::pod_dies) {
            world_.note("dies behind a command", pod_, name_);
            l->lost_answers = true;
            world_.queue().after(0, [w = &world_, p = &pod_, g = pod_.generation()] {
                if (p->generation() == g) {
                    w->kill(*p);
                }
            });
            return;
        }
        if (f == fate::answer_late) {
            l->last_back = std::max(l->last_back, world_.now() + world_.rng().between(200, 6000) * ms);
        } else {
            world_.note("answer lost", pod_, name_ + " " + r.describe(80));
            l->lost_answers = true;
            world_.queue().after(0, [this, alive = alive_, l] {
                if (*alive && l->open) {
                    cut();
                }
            });
            return;
        }
    }
    l->last_back = way(l->last_back);
    world_.to_pod(pod_, l->last_back, [this, alive = alive_, l, r = std::move(r)] {
        if (*alive && l == line_ && up_ && !falling_) {
            take(r);
        }
    });
}

void sim_port::take(const reply& r) {
    std::string bytes;
    r.encode(bytes);
    proto::reply_reader reader;
    reader.feed(bytes);
    auto parsed = reader.next();
    const auto view = (*parsed)->view();
    last_bytes_ = pod_.now();
    if (hooks_.message) {
        hooks_.message(view);
        return;
    }
    if (pending_.empty()) {
        return;
    }
    pending p = std::move(pending_.front());
    pending_.pop_front();
    if (last_bytes_ - p.sent - p.blocking > prompt) {
        well_since_ = std::chrono::steady_clock::time_point::max();
    } else if (well_since_ == std::chrono::steady_clock::time_point::max()) {
        well_since_ = last_bytes_;
    }
    if (view.is_error()) {
        const auto text = view.text();
        world_.note("error", pod_, std::string(text.substr(0, 120)));
        if (text.starts_with("READONLY") || text.starts_with("MOVED") || text.starts_with("LOADING") ||
            text.starts_with("MASTERDOWN")) {
            reset(text);
        }
    }
    if (p.done) {
        p.done(view);
    }
}

// ----------------------------------------------------------------------------------------------------- the end

void sim_port::reset(std::string_view why) {
    if (line_ && line_->open) {
        world_.note("link reset", pod_, name_ + ": " + std::string(why));
        cut();
    }
}

void sim_port::cut(bool late) {
    if (!line_ || !line_->open) {
        return;
    }
    const auto l = line_;
    l->open = false;
    auto rest = std::move(l->sent);
    redis_model* const to = server_;
    // Some of what was written may have got there.
    std::size_t there = rest.empty() || l->lost_answers ? 0 : world_.rng().below(rest.size() + 1);
    const auto remote = l->remote;
    remote->out = [](const reply&) {};
    if (late) {
        there = rest.size();
    }
    rest.resize(there);
    const instant pause = late ? world_.rng().between(100, 5000) * ms : 0;
    // What is on its way to a process or a master does not come to its successor.
    world_.queue().after(pause,
                         [w = &world_, to, remote, rest = std::move(rest), name = name_, p = &pod_, process = to->run_id()] {
                             for (const auto& command : rest) {
                                 if (w->reachable(to) && to->run_id() == process) {
                                     w->run(*to, remote, command, *p, name + " (cut off)");
                                 }
                             }
                             if (w->knows(to)) {
                                 to->disconnect(remote);
                             }
                         });
    if (stopped_) {
        return;
    }
    world_.to_pod(pod_, world_.now() + world_.rng().latency(), [this, alive = alive_, l] {
        if (*alive && l == line_) {
            fall("connection lost");
        }
    });
}

void sim_port::fall(const std::string& why) {
    if (!up_) {
        return;
    }
    world_.note("link down", pod_, name_);
    up_ = false;
    falling_ = true;
    well_since_ = std::chrono::steady_clock::time_point::max();
    state_ = why;
    line_.reset();
    auto lost = std::move(pending_);
    pending_.clear();
    for (auto& p : lost) {
        if (p.done) {
            p.done(proto::reply_view());
        }
    }
    hooks_.down();
    falling_ = false;
    dial(25 * ms + static_cast<instant>(world_.rng().below(25 * ms)));
}

/// No answer for 4 s, while nothing comes at all: the connection is dead.
void sim_port::watch() {
    if (watching_) {
        return;
    }
    watching_ = true;
    world_.to_pod(pod_, world_.now() + 500 * ms, [this, alive = alive_] {
        if (!*alive) {
            return;
        }
        watching_ = false;
        if (!up_ || pending_.empty()) {
            return;
        }
        const auto now = pod_.now();
        const auto& oldest = pending_.front();
        if (now - oldest.sent - oldest.blocking > prompt) {
            well_since_ = std::chrono::steady_clock::time_point::max();
        }
        if (now - std::max(oldest.sent + oldest.blocking, last_bytes_) > reply_limit) {
            reset("no answer for 4 s");
        }
        watch();
    });
}

}  // namespace wsidecar::simulation
