// gateway: pushes from Redis to the connections held here.

#include <algorithm>

#include "sidecar/core/gateway.hpp"
#include "sidecar/core/log.hpp"

namespace wsidecar::core {
namespace {

/// Frames that wait for one connection's 101.
constexpr std::size_t early_at_most = 1024;

bool expired(const proto::envelope& push, std::chrono::system_clock::time_point now) {
    return push.ttl && push.time && now > *push.time + std::chrono::duration<double>(*push.ttl);
}

/// Names that only a lookup in the registry can move: their connection may be on another pod by now.
bool names_somebody(const proto::addresses& to) {
    return !to.users.empty() || !to.aliases.empty() || !to.connections.empty();
}

template <class Names>
bool contains(const Names& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void gateway::on_push(const proto::envelope& push, delivery_id id) {
    const bool list = id >= first_delivery_id;
    metrics_.pushes.at({list ? "list" : "channel"}) += 1;
    if (expired(push, timers_.wall())) {
        metrics_.undelivered.at({"expired"}) += 1;
        if (list) {
            bus_.settled(id, 0, false);
        }
        return;
    }
    // Joining, leaving and closing change the hub: collect first.
    std::vector<connection_ptr> matched;
    hub_.match(push.to, push.except, [&](connection& c) { matched.emplace_back(&c); });
    if (matched.empty()) {
        if (list) {
            bus_.settled(id, 0, names_somebody(push.to));
        }
        return;
    }
    frame_ptr encoded;
    if (push.kind != proto::payload_kind::none) {
        const auto op = push.kind == proto::payload_kind::text ? proto::opcode::text : proto::opcode::binary;
        encoded = frame::make(op, push.payload);
    }
    if (list) {
        deliveries_[id].outstanding = 1;  // our own hold, so that nothing settles while we are still at it
    }
    for (const auto& c : matched) {
        if (!push.id.empty() && !dedup_.first(c->id, push.id, timers_.now())) {
            metrics_.undelivered.at({"duplicate"}) += 1;
            if (list) {
                ++deliveries_[id].reached;
            }
            continue;
        }
        if (encoded) {
            deliver(*c, encoded, id);
        } else if (list) {
            ++deliveries_[id].reached;
        }
        act(*c, push);
    }
    if (list) {
        settle(id, false);
    }
}

void gateway::deliver(connection& c, const frame_ptr& f, delivery_id id) {
    const bool list = id >= first_delivery_id;
    const std::uint64_t tag = list ? id : tag_channel;
    if (c.session == nullptr && c.early && c.early->size() >= early_at_most) {
        metrics_.undelivered.at({"queue"}) += list ? 0 : 1;
        if (list) {
            deliveries_[id].lost = true;
        }
        return;
    }
    if (list) {
        ++deliveries_[id].outstanding;
        if (!c.unconfirmed) {
            c.unconfirmed = std::make_unique<std::deque<delivery_id>>();
        }
        c.unconfirmed->push_back(id);
    }
    if (c.session != nullptr) {
        c.session->send(f, tag);
        return;
    }
    if (!c.early) {
        c.early = std::make_unique<std::vector<std::pair<frame_ptr, std::uint64_t>>>();
    }
    c.early->emplace_back(f, tag);
}

void gateway::written(connection& c, std::uint64_t tag) {
    if (!c.unconfirmed) {
        return;
    }
    while (!c.unconfirmed->empty()) {
        const delivery_id id = c.unconfirmed->front();
        c.unconfirmed->pop_front();
        settle(id, true);
        if (id == tag) {
            break;
        }
    }
    if (c.unconfirmed->empty()) {
        c.unconfirmed.reset();
    }
}

void gateway::settle(delivery_id id, bool reached) {
    const auto it = deliveries_.find(id);
    if (it == deliveries_.end()) {
        return;
    }
    delivery& d = it->second;
    d.reached += reached ? 1 : 0;
    if (--d.outstanding == 0) {
        const delivery result = d;
        deliveries_.erase(it);
        bus_.settled(id, result.reached, result.lost);
    }
}

void gateway::drop_unconfirmed(connection& c) {
    if (!c.unconfirmed) {
        return;
    }
    const auto left = std::move(c.unconfirmed);
    for (const delivery_id id : *left) {
        if (const auto it = deliveries_.find(id); it != deliveries_.end()) {
            it->second.lost = true;
        }
        settle(id, false);
    }
}

void gateway::act(connection& c, const proto::envelope& push) {
    if (!push.join.empty() || !push.leave.empty()) {
        hub_.rename(c, [&](connection& x) {
            for (const auto& g : push.leave) {
                std::erase(x.groups, g);
            }
            for (const auto& g : push.join) {
                if (!contains(x.groups, g)) {
                    x.groups.push_back(g);
                }
            }
        });
        reenroll(c);
    }
    if (push.close) {
        close(c, push.close->code, push.close->reason);
    }
}

void gateway::on_fenced() {
    std::vector<connection_ptr> all;
    hub_.for_each([&](connection& c) { all.emplace_back(&c); });
    log::warn("registry", "a survivor took this instance over while it was away: its connections are closed",
              {{"connections", all.size()}, {"instance", instance_}});
    for (const auto& c : all) {
        c->fenced = true;
        close(*c, 1012, "service restart");
    }
}

void gateway::on_gap() {
    if (config_.on_gap != "close") {
        return;
    }
    std::vector<connection_ptr> all;
    hub_.for_each([&](connection& c) { all.emplace_back(&c); });
    for (const auto& c : all) {
        close(*c, 4010, "messages may have been missed");
    }
}

std::vector<registration> gateway::enrolled() const {
    std::vector<registration> all;
    all.reserve(hub_.size());
    hub_.for_each([&](connection& c) { all.push_back(registration_of(c)); });
    return all;
}

}  // namespace wsidecar::core
