#include "sidecar/redis/in_flight.hpp"

#include <algorithm>
#include <memory>

namespace wsidecar::redis {
namespace {

constexpr std::size_t unreached_at_most = 1024;

/// Names to which a move has already routed the push again have no part in its end.
void forget_lost_before(const received_push& p, core::delivery_outcome& o) {
    if (p.lost_before.empty()) {
        return;
    }
    std::erase_if(o.lost, [&](const std::string& name) {
        return std::find(p.lost_before.begin(), p.lost_before.end(), name) != p.lost_before.end();
    });
    o.not_for_it =
        o.not_for_it || (o.reached + o.duplicates + o.dropped == 0 && o.lost.empty() && o.failed.empty() && !o.expired);
}

}  // namespace

void in_flight::count() {
    const auto n = static_cast<double>(pushes_.size());
    unconfirmed_ += n - std::exchange(counted_, n);
}

void in_flight::add(core::delivery_id id, received_push p) {
    if (p.source == push_source::broadcast) {
        of_broadcast_.emplace_back(timers_.now(), id);
    }
    pushes_.emplace(id, std::move(p));
    count();
}

std::optional<ended_push> in_flight::settle(core::delivery_id id, core::delivery_outcome outcome) {
    const auto it = pushes_.find(id);
    if (it == pushes_.end()) {
        return std::nullopt;  // it was the instance's under another id
    }
    const auto stage = it->second.stage;
    if (stage != push_stage::delivering) {
        const bool remembered = remember_unreached(it->second, outcome);
        if (stage == push_stage::moving || remembered) {
            it->second.ended = std::make_shared<core::delivery_outcome>(std::move(outcome));
            return std::nullopt;
        }
    }
    auto node = pushes_.extract(it);
    count();
    if (stage == push_stage::orphaned) {
        return std::nullopt;  // if this history has it, it is read again
    }
    forget_lost_before(node.mapped(), outcome);
    return ended_push{std::move(node.mapped()), std::move(outcome)};
}

bool in_flight::remember_unreached(const received_push& p, const core::delivery_outcome& o) {
    if (!p.name.empty() || (o.lost.empty() && o.failed.empty())) {
        return false;
    }
    unreached_.push_back({p, timers_.now()});
    unreached_.back().push.ended = std::make_shared<core::delivery_outcome>(o);
    if (unreached_.size() > unreached_at_most) {
        unreached_.pop_front();
    }
    return true;
}

std::optional<in_flight::adoption> in_flight::adopt(const inbox_entry& e, std::uint64_t content) {
    if (const auto text = e.fields[field::moved_from]; !text.empty() && e.stream == stream_kind::inbox) {
        const place was = place_of(text);
        const auto moving = moving_.extract(was);
        if (const auto it = moving ? pushes_.find(moving.mapped()) : pushes_.end(); it != pushes_.end()) {
            const auto source = it->second.source;
            return adoption{source, was, take_over(it, e)};
        }
    }
    const auto [from, to] = orphans_.equal_range(content);
    for (auto it = from; it != to; ++it) {
        const auto found = pushes_.find(it->second);
        if (found != pushes_.end() && found->second.stage == push_stage::orphaned) {
            orphans_.erase(it);
            found->second.lost.clear();
            found->second.lost_before.clear();  // in this history nobody has routed it again
            return adoption{push_source::inbox, std::nullopt, take_over(found, e)};
        }
    }
    return std::nullopt;
}

/// The push continues under the entry `e`. Returns it if it has already ended.
std::optional<ended_push> in_flight::take_over(pushes::iterator it, const inbox_entry& e) {
    received_push& p = it->second;
    if (!p.is_part()) {
        p.source = e.stream == stream_kind::broadcast ? push_source::broadcast : push_source::inbox;
    }
    if (e.stream == stream_kind::broadcast) {
        of_broadcast_.emplace_back(timers_.now(), it->first);
    }
    p.id = e.id;
    p.stage = push_stage::delivering;
    p.needs_report = p.needs_report || e.fields.has(field::body) || e.fields.has(field::receipt_key) ||
                     e.fields.has(field::fan_out) || e.fields.has(field::tally);
    if (!p.ended) {
        return std::nullopt;
    }
    auto ended = *std::exchange(p.ended, nullptr);
    auto node = pushes_.extract(it);
    count();
    forget_lost_before(node.mapped(), ended);
    return ended_push{std::move(node.mapped()), std::move(ended)};
}

void in_flight::clear() {
    pushes_.clear();
    unreached_.clear();
    orphans_.clear();
    of_broadcast_.clear();
    losing_.clear();
    moving_.clear();
}

void in_flight::begin_history(const std::function<core::delivery_id()>& next_id) {
    of_broadcast_.clear();
    losing_.clear();
    moving_.clear();
    std::erase_if(pushes_, [](const auto& x) { return x.second.ended != nullptr; });
    for (auto& [id, p] : pushes_) {
        if (std::exchange(p.stage, push_stage::orphaned) != push_stage::orphaned) {
            orphans_.emplace(p.content, id);
        }
    }
    while (!unreached_.empty() && timers_.now() - unreached_.front().at > replay_window) {
        unreached_.pop_front();
    }
    for (const auto& u : unreached_) {
        const auto id = next_id();
        received_push& p = pushes_.emplace(id, u.push).first->second;
        p.stage = push_stage::orphaned;
        orphans_.emplace(p.content, id);
    }
}

void in_flight::end_replay() {
    for (const auto& [content, id] : orphans_) {
        if (const auto it = pushes_.find(id); it != pushes_.end() && it->second.stage == push_stage::orphaned) {
            pushes_.erase(it);
        }
    }
    orphans_.clear();
    count();
}

std::vector<place> in_flight::move_slow(clock::time_point before) {
    std::vector<place> moved;
    while (!of_broadcast_.empty() && of_broadcast_.front().first <= before) {
        const auto it = pushes_.find(of_broadcast_.front().second);
        of_broadcast_.pop_front();
        if (it != pushes_.end() && it->second.source == push_source::broadcast && it->second.stage == push_stage::delivering) {
            it->second.stage = push_stage::moving;
            moving_.emplace(it->second.id, it->first);
            moved.push_back(it->second.id);
        }
    }
    return moved;
}

bool in_flight::lose(core::delivery_id id, const std::string& name) {
    const auto it = pushes_.find(id);
    if (it == pushes_.end() || it->second.is_part() || it->second.for_connection || !it->second.name.empty() ||
        it->second.stage == push_stage::orphaned) {
        return false;
    }
    if (it->second.lost.empty()) {
        losing_.push_back(id);
    }
    it->second.lost.push_back(name);
    return true;
}

std::vector<in_flight::move_of_lost> in_flight::move_lost() {
    std::vector<move_of_lost> moves;
    std::erase_if(losing_, [&](core::delivery_id id) {
        const auto it = pushes_.find(id);
        if (it == pushes_.end() || it->second.stage == push_stage::orphaned) {
            return true;
        }
        received_push& p = it->second;
        if (p.stage == push_stage::moving) {
            return p.ended != nullptr;
        }
        p.stage = push_stage::moving;
        moving_.emplace(p.id, id);
        p.lost_before.insert(p.lost_before.end(), p.lost.begin(), p.lost.end());
        moves.push_back({p.source, p.id, std::exchange(p.lost, {})});
        return true;
    });
    return moves;
}

}  // namespace wsidecar::redis
