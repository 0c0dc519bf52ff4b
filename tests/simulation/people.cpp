#include "tests/simulation/people.hpp"

#include <algorithm>
#include <string_view>

#include "tests/simulation/pod.hpp"
#include "tests/simulation/world.hpp"

namespace wsidecar::simulation {

bool visit::member(const std::string& group, instant at) const {
    const auto it = groups.find(group);
    return it != groups.end() && it->second.surely <= at;
}

bool visit::was_member(const std::string& group) const {
    return groups.contains(group);
}

bool visit::takes(const std::string& destination, instant around) const {
    return stomp && (destination != "/topic/t" || std::none_of(unsubscribed.begin(), unsubscribed.end(), [&](const auto& gap) {
                         return gap.first - second < around && around < gap.second + second;
                     }));
}

namespace {

/// A header's value in a STOMP frame.
std::string header_of(std::string_view frame, std::string_view name) {
    const auto head = frame.substr(0, frame.find("\n\n") + 1);
    const auto at = head.find('\n' + std::string(name) + ':');
    if (at == std::string_view::npos) {
        return {};
    }
    const auto value = head.substr(at + name.size() + 2);
    return std::string(value.substr(0, value.find('\n')));
}

std::string_view body_of(std::string_view frame) {
    const auto body = frame.substr(std::min(frame.find("\n\n"), frame.size() - 2) + 2);
    return body.substr(0, body.find('\0'));
}

/// What a client sees of a push: for one that speaks STOMP the body of a MESSAGE.
std::string text_in(bool stomp, const std::string& frame) {
    return !stomp ? frame : frame.starts_with("MESSAGE\n") ? std::string(body_of(frame)) : std::string();
}

}  // namespace

socket::socket(world& w, pod& p, device& d) : world_(w), pod_(p), generation_(p.generation()), device_(d) {
    record = std::make_shared<visit>();
    record->device = d.number;
    record->user = d.user;
    record->aliases = d.aliases;
    record->pod = p.number();
    record->stomp = d.stomp;
    record->events = d.events;
    if (d.stomp) {
        // The one by an exact name, the other by a pattern; what is their own is confirmed in two ways, too.
        subscriptions_ = d.number % 2 == 0
                             ? std::vector<subscription>{{"/topic/t", "auto"}, {"/user/queue/n", "client-individual"}}
                             : std::vector<subscription>{{"/topic/*", "client"}, {"/user/queue/n", "auto"}};
    }
    for (const auto& g : d.groups) {
        record->groups[g] = {};
    }
}

instant socket::way() {
    return world_.rng().latency();
}

/// Something that reaches the instance over this connection, in order.
void socket::in_pod(instant delay, std::function<void()> what) {
    last_back_ = std::max(last_back_, world_.now() + delay);
    if (generation_ != pod_.generation()) {
        return;
    }
    world_.to_pod(pod_, last_back_, [self = shared_from_this(), what = std::move(what)] { what(); });
}

void socket::dial() {
    if (!pod_.ready()) {
        end_for_client(0);
        return;
    }
    world_.queue().after(6 * second, [self = shared_from_this()] { self->give_up(); });
    in_pod(way(), [this] {
        if (ended_ || !pod_.ready()) {
            end_for_client(0);
            return;
        }
        core::handshake h;
        h.path = h.target = (device_.stomp    ? "/stomp/d"
                             : device_.events ? "/events/d"
                                              : "/ws/d") +
                            std::to_string(device_.number);
        h.route = pod_.route_of(h.path);
        h.event_stream = device_.events;
        if (device_.events && !device_.last_event_id.empty()) {
            h.last_event_id = device_.last_event_id;
            last_ = *core::read_position(device_.last_event_id, pod_.settings().shards > 1);
        }
        h.variables = {{"device", "d" + std::to_string(device_.number)}};
        h.host = "shop.example";
        asked_ = true;
        pod_.sockets.push_back(shared_from_this());
        conn_ = pod_.gate().open(std::move(h), [self = shared_from_this(), this](core::handshake_verdict v) {
            asked_ = false;
            if (!v.accepted || ended_ || !pod_.ready()) {
                std::erase(pod_.sockets, self);
                if (v.accepted) {  // the client has gone, or the instance takes nobody any more
                    established_ = true;
                    conn_ = v.conn;
                    pod_.gate().established(*conn_, *this);
                    end_for_pod(1006, core::close_cause::lost);
                }
                world_.queue().after(way(), [self] { self->end_for_client(0); });
                return;
            }
            conn_ = v.conn;
            record->id = conn_->id;
            world_.add(record);
            established_ = true;
            world_.queue().after(way(), [self, this] {
                if (!ended_ && !gone_) {
                    device_.stomp ? command("CONNECT\naccept-version:1.2\n\n") : opened();
                }
            });
            pod_.gate().established(*conn_, *this);
        });
        if (conn_ && record->id.empty()) {
            record->id = conn_->id;
        }
    });
}

void socket::opened() {
    open_ = true;
    record->opened = world_.now();
    record->sure_from = world_.well_from(world_.now(), pod_);
    world_.note("connected", pod_, "d" + std::to_string(device_.number) + " " + device_.user + " as " + record->id);
}

void socket::give_up() {
    if (!open_ && !ended_ && established_) {
        end_for_client(0);
        in_pod(0, [this] { end_for_pod(1006, core::close_cause::lost); });
    } else if (!open_ && !ended_) {
        in_pod(0, [this] {
            if (asked_ && conn_) {
                pod_.gate().abandon(*conn_);
            }
        });
        end_for_client(0);
    }
}

// -------------------------------------------------------------------------------------------------------- STOMP

void socket::command(std::string frame) {
    if (ended_) {
        return;
    }
    in_pod(way(), [this, frame = std::move(frame) + '\0'] {
        if (!gone_ && established_) {
            pod_.gate().message(*conn_, true, frame);
        }
    });
}

void socket::on_frame(const std::string& frame) {
    const auto subscribe = [this](std::size_t n) {
        const std::string destination = subscriptions_[n].destination;
        const auto wanted = destination == "/topic/t" ? world_.wish_of(record->id, destination, "SUBSCRIBE") : 0;
        command("SUBSCRIBE\nid:" + std::to_string(n) + "\ndestination:" + destination + "\nack:" + subscriptions_[n].ack +
                (wanted > 0 ? "\nhistory:" + std::to_string(wanted) : "") + "\nreceipt:r\n\n");
    };
    if (frame.starts_with("CONNECTED\n")) {
        for (std::size_t n = 0; n < subscriptions_.size(); ++n) {
            subscribe(n);
        }
    } else if (frame.starts_with("RECEIPT\n")) {
        if (++receipts_ == subscriptions_.size()) {
            opened();
        } else if (receipts_ > subscriptions_.size()) {
            record->unsubscribed.back().second = world_.well_from(world_.now(), pod_);
        }
    } else if (frame.starts_with("MESSAGE\n")) {
        const std::string text(body_of(frame));
        world_.received(*record, text);
        const auto n = world_.number_of(text);
        if (const auto id = header_of(frame, "ack"); n && !id.empty()) {
            to_acknowledge_.push_back({id, *n});
        }
    }
}

/// A client that refuses one does so the first time; what is for his mailbox he takes.
void socket::acknowledge() {
    for (const auto& u : std::exchange(to_acknowledge_, {})) {
        const bool refuses = world_.refuses(u.number);
        in_pod(way(), [this, u, refuses] {
            if (gone_ || !established_) {
                return;
            }
            auto& g = record->pushes[u.number];
            g.confirmed = g.confirmed < 0 ? world_.now() : g.confirmed;
            pod_.gate().message(*conn_, true, (refuses ? "NACK\nid:" : "ACK\nid:") + u.id + "\n\n" + '\0');
        });
    }
}

void socket::resubscribe(instant pause) {
    if (!open_ || ended_ || std::string_view(subscriptions_[0].destination) != "/topic/t") {
        return;
    }
    record->unsubscribed.emplace_back(world_.well_until(world_.now() - 4 * second, pod_),
                                      INT64_MAX / 2);  // what was on its way, too
    command("UNSUBSCRIBE\nid:0\n\n");
    world_.queue().after(pause, [self = shared_from_this(), this] {
        command(std::string("SUBSCRIBE\nid:0\ndestination:/topic/t\nack:auto\nreceipt:r\n\n"));
    });
}

// ------------------------------------------------------------------------------------------- to the client

void socket::send_at(core::frame_ptr frame, std::uint64_t tag, std::uint64_t, core::place at) {
    const std::string text(frame->payload());
    if (const auto n = world_.number_of(text_in(device_.stomp, text))) {
        auto& g = record->pushes[*n];
        g.given = g.given < 0 ? world_.now() : g.given;
    }
    put({text, tag, at});
}

void socket::came_to(const core::position& at) {
    put({{}, core::tag_protocol, at});
}

void socket::tell_gap(const std::vector<std::string>& names) {
    for (const auto& name : names) {
        last_ = name.empty() ? core::position() : last_;
        put({name, core::tag_protocol, {}, true});
    }
}

void socket::put(item what) {
    out_.push_back(std::move(what));
    if (!flushing_) {
        flushing_ = true;
        world_.queue().after(0, [self = shared_from_this()] { self->flush(); });
    }
}

void socket::flush() {
    flushing_ = false;
    if (gone_ || out_.empty()) {
        return;
    }
    auto batch = std::exchange(out_, {});
    const auto number = ++batches_;
    std::uint64_t last = 0;
    for (auto& x : batch) {
        bool came_further = false;
        for (const core::place p : x.at) {
            came_further = last_.reach(p) || came_further;
        }
        x.id = came_further ? core::text_of(last_) : "";
        if (x.tag >= core::first_delivery_id) {
            last = x.tag;
            if (const auto n = world_.number_of(text_in(device_.stomp, x.text))) {
                numbers_[number].push_back(*n);
            }
        }
    }
    if (last != 0 && device_.events) {
        // HTTP has no pong: what the kernel has taken is confirmed.
        tags_[number] = last;
        world_.to_pod(pod_, world_.now(), [self = shared_from_this(), number] { self->confirm(number); });
    } else if (last != 0) {
        tags_[number] = last;
        world_.to_pod(
            pod_, world_.now() + std::chrono::duration_cast<std::chrono::microseconds>(pod_.settings().pong_timeout).count(),
            [self = shared_from_this(), this, number] {
                if (ponged_ < number && !gone_) {
                    end_for_pod(1006, core::close_cause::pong_timeout);
                    world_.queue().after(way(), [self] { self->end_for_client(1006); });
                }
            });
    }
    last_there_ = std::max(last_there_, world_.now() + way());
    world_.queue().at(last_there_,
                      [self = shared_from_this(), this, batch = std::move(batch), number] { arrive(batch, number); });
}

void socket::arrive(const std::vector<item>& batch, std::uint64_t number) {
    if (ended_) {
        return;
    }
    for (const auto& x : batch) {
        if (x.gap) {
            record->gaps.emplace_back(world_.now(), x.text);
        } else {
            device_.stomp ? on_frame(x.text) : world_.received(*record, x.text);
        }
        device_.last_event_id = device_.events && !x.id.empty() ? x.id : device_.last_event_id;
    }
    arrived_ = number;
    if (device_.answers && !device_.events) {
        pong(number);
        acknowledge();
    }
}

void socket::pong(std::uint64_t number) {
    in_pod(way(), [self = shared_from_this(), this, number] { confirm(number); });
}

void socket::confirm(std::uint64_t number) {
    if (gone_ || number <= ponged_) {
        return;
    }
    ponged_ = number;
    std::uint64_t last = 0;
    while (!tags_.empty() && tags_.begin()->first <= number) {
        last = tags_.begin()->second;
        for (const auto n : numbers_[tags_.begin()->first]) {
            auto& g = record->pushes[n];
            g.confirmed = g.confirmed < 0 ? world_.now() : g.confirmed;
        }
        numbers_.erase(tags_.begin()->first);
        tags_.erase(tags_.begin());
    }
    if (last != 0) {
        pod_.gate().confirmed(*conn_, last);
    }
}

void socket::pong_now() {
    if ((open_ || device_.stomp) && !ended_ && arrived_ > 0) {
        pong(arrived_);
        acknowledge();
    }
}

// --------------------------------------------------------------------------------------------------- the end

void socket::close(std::uint16_t code, std::string_view) {
    if (gone_) {
        return;
    }
    flush();
    last_there_ = std::max(last_there_, world_.now() + way());
    world_.queue().at(last_there_, [self = shared_from_this(), this, code] {
        if (ended_) {
            return;
        }
        const bool answers = device_.answers;
        end_for_client(code);
        if (answers) {
            in_pod(way(), [this, code] { end_for_pod(code, core::close_cause::app); });
        }
    });
    // Who does not answer the close is not waited for.
    world_.to_pod(pod_, world_.now() + 2 * second,
                  [self = shared_from_this(), this, code] { end_for_pod(code, core::close_cause::app); });
}

void socket::cut(bool silently, std::uint16_t code) {
    if (ended_) {
        return;
    }
    world_.note(silently ? "vanishes" : "cut", pod_, "d" + std::to_string(device_.number) + " " + record->id);
    end_for_client(code);
    in_pod(silently ? world_.rng().between(2500, 8000) * ms : way(),
           [this, code] { end_for_pod(code, core::close_cause::lost); });
}

void socket::say(const std::string& text) {
    if (open_ && !ended_) {
        in_pod(way(), [this, text] {
            if (!gone_ && established_) {
                pod_.gate().message(*conn_, true, text);
            }
        });
    }
}

void socket::pod_died() {
    gone_ = true;
    world_.queue().after(way(), [self = shared_from_this()] { self->end_for_client(1006); });
    conn_.reset();
}

void socket::end_for_client(int code) {
    if (ended_) {
        return;
    }
    ended_ = true;
    if (open_) {
        record->ended = world_.now();
        record->close_code = code;
        world_.note("ended for its client", pod_,
                    "d" + std::to_string(device_.number) + " " + record->id + " " + std::to_string(code));
    }
    open_ = false;
    world_.hung_up(device_, shared_from_this());
}

void socket::end_for_pod(std::uint16_t code, core::close_cause cause) {
    if (gone_ || !established_ || generation_ != pod_.generation()) {
        return;
    }
    gone_ = true;
    const auto self = shared_from_this();
    std::erase(pod_.sockets, self);
    pod_.gate().closed(*conn_, code, "", cause);
}

}  // namespace wsidecar::simulation
