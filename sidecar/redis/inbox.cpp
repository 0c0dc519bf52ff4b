#include "sidecar/redis/inbox.hpp"

#include <algorithm>
#include <utility>

#include "proto/envelope_signature.hpp"
#include "proto/target.hpp"
#include "sidecar/core/keyed_hash.hpp"
#include "sidecar/core/log.hpp"
#include "sidecar/redis/target_names.hpp"

namespace wsidecar::redis {
using namespace std::chrono_literals;
namespace {

constexpr auto slow_interval = 1000ms;
/// A push of the broadcast stream that has not reached all its clients here after this time is moved to the inbox, because the stream is
/// trimmed only up to its slowest reader.
constexpr auto broadcast_patience = 3s;
/// A push to an audience is routed again to members whose connections have ended after this time, even if others have not confirmed it.
constexpr auto lost_patience = 20ms;

/// A hash that identifies a push independently of its id in a stream.
std::uint64_t content_of(std::string_view envelope, std::string_view name, std::string_view names,
                         std::string_view connection) {
    const auto hash = core::keyed_hash;
    return hash(envelope) ^ (hash(name) * 3) ^ (hash(names) * 5) ^ (hash(connection) * 7);
}

/// A name for one route only begins with "r", the route's name and NUL.
std::string_view without_route(std::string_view name) {
    return name.starts_with('r') ? name.substr(std::min(name.find('\0'), name.size() - 1) + 1) : name;
}

/// A push that `connection` takes out of the mailbox of `name`.
void address_to_connection(proto::addresses& to, std::string_view connection, std::string_view name) {
    auto destinations = std::move(to.destinations);
    auto groups = std::move(to.groups);
    to = {};
    if (name.starts_with('q')) {
        to.subscriptions.push_back(
            proto::subscription_name(proto::target_kind::connection, connection, name.substr(name.find('\0') + 1)));
        to.destinations = std::move(destinations);
        return;
    }
    to.connections.emplace_back(connection);
    if (without_route(name).starts_with('m')) {
        to.groups = std::move(groups);
        to.members_only = true;
    }
}

/// Ends the entry that names handovers or kept pushes, after all of these have ended.
received_push whole_entry(place id) {
    received_push p;
    p.id = id;
    return p;
}

}  // namespace

inbox::inbox(std::unique_ptr<command_port> link, command_port& commands, const config::config& c, keys k, core::metrics& m,
             core::timer_port& timers, delivery_numbers& numbers, shard_number at)
    : config_(c),
      metrics_(m),
      timers_(timers),
      in_flight_(timers, m.unconfirmed.value()),
      reader_(std::move(link), commands, k, timers),
      settlements_(commands, c, std::move(k), m, timers),
      numbers_(numbers),
      at_(at) {}

void inbox::start(hooks h) {
    hooks_ = std::move(h);
    settlements_.start({hooks_.registered, hooks_.many});
    reader_.start({hooks_.leased, [this] { return in_flight_.size() >= config_.inbox.count; }, hooks_.many,
                   [this](const inbox_entry& e) { take(e); },
                   [this] { in_flight_.end_replay(); },  // what this history does not have ends without a word
                   hooks_.proved});
}

void inbox::stop() {
    move_timer_.reset();
    lost_timer_.reset();
    settlements_.stop();
    reader_.stop();
}

void inbox::wind_down() {
    move_timer_.reset();
    lost_timer_.reset();
    reader_.leave();
    settlements_.wind_down();
}

void inbox::attend(const std::string& instance, bool new_history, const std::string& broadcast_cursor) {
    if (instance != instance_) {
        instance_ = instance;
        in_flight_.clear();
        new_history = true;
    }
    if (new_history) {
        parts_left_.clear();
        in_flight_.begin_history([this] { return numbers_.take(at_); });
        reader_.begin_history(broadcast_cursor);
        settlements_.begin_history(place_of(broadcast_cursor));
    }
    settlements_.attend(instance_);
    reader_.attend(instance_, new_history);
    settlements_.flush_later();
    if (!move_timer_) {
        move_slow();
    }
    reader_.read();
}

// --------------------------------------------------------------------------------------------------- taking

void inbox::take(const inbox_entry& e) {
    const entry_fields& fields = e.fields;
    const bool broadcast = e.stream == stream_kind::broadcast;
    if (!settlements_.begin(e.stream, e.id)) {
        return;  // read again after a reconnect
    }
    if (fields.has(field::handover)) {
        take_handover(e);
        return;
    }
    if (fields.has(field::claims)) {
        take_kept(e);
        return;
    }
    const bool moved = fields.has(field::moved_from);
    const std::uint64_t content =
        content_of(fields[field::envelope], fields[field::name], fields[field::names], fields[field::claimed_by]);
    if ((in_flight_.has_orphans() || moved) && adopt(e, content)) {
        return;
    }
    received_push p;
    p.id = e.id;
    p.source = broadcast ? push_source::broadcast : push_source::inbox;
    p.content = content;
    p.name = fields[field::name];
    p.push_id = fields[field::push_id];
    p.receipt = fields.has(field::receipt_key);
    p.needs_report =
        p.receipt || fields.has(field::fan_out) || fields.has(field::tally) || (!broadcast && fields.has(field::body));
    p.attempts = attempts_in(fields[field::attempts]);
    if (moved && !reader_.replaying()) {
        end_at_once(p, push_end::delivered, std::nullopt);  // moved here twice, since an answer was lost
        return;
    }
    take_push(e, fields[field::envelope], std::move(p));
}

/// Returns true if the entry is a push that is already in flight and continues under this entry.
bool inbox::adopt(const inbox_entry& e, std::uint64_t content) {
    const auto found = in_flight_.adopt(e, content);
    if (!found) {
        return false;
    }
    if (found->left_entry) {
        settlements_.leave(found->left == push_source::broadcast ? stream_kind::broadcast : stream_kind::inbox,
                           *found->left_entry);
    }
    if (found->ended) {
        end(found->ended->push, found->ended->outcome);
    }
    return true;
}

/// Takes a dead instance's handover for one member of the audience: delivers each of its pushes to this name.
void inbox::take_handover(const inbox_entry& e) {
    const auto handover_name = e.fields[field::handover];
    const auto name_in_entry = e.fields[field::name];
    const auto handover = reader_.references().find_handover(handover_name);
    const bool of_group = handover_name.find(":g") != std::string_view::npos;
    const std::string name = name_in_entry.starts_with('a') && (of_group || name_in_entry.find('\0') != std::string_view::npos)
                                 ? 'm' + std::string(name_in_entry.substr(1))
                                 : std::string(name_in_entry);
    parts_left_[e.id] = handover->pushes.size() + 1;
    for (const auto& push : handover->pushes) {
        const std::uint64_t content = content_of(push.envelope, name, push.id, e.fields[field::claimed_by]);
        if (in_flight_.has_orphans() && adopt(e, content)) {
            continue;
        }
        inbox_entry one = e;
        one.fields[field::name] = name;
        one.fields[field::first_place] = push.id;
        one.fields[field::body] = push.body;
        received_push p;
        p.id = e.id;
        p.source = push_source::handover;
        p.content = content;
        p.name = name;
        p.attempts = push.attempts;
        p.handover = handover_name;
        p.handover_id = place_of(push.id);
        take_push(one, push.envelope, std::move(p));
    }
    end_part(whole_entry(e.id), {});
}

/// Takes kept pushes: a member who was between two connections has come back, and their new connection gets in order the pushes to their
/// audiences.
void inbox::take_kept(const inbox_entry& e) {
    struct due {
        std::shared_ptr<const kept_push> push;
        const claim* of;
    };
    const auto claims = read_claims(e.fields[field::claims]);
    std::vector<due> all;
    for (const auto& c : claims) {
        for (auto& p : reader_.references().find_kept(c, timers_.now())) {
            all.push_back({std::move(p), &c});
        }
    }
    std::stable_sort(all.begin(), all.end(), [](const due& a, const due& b) { return a.push->at < b.push->at; });
    const std::string_view connection = e.fields[field::claimed_by];
    parts_left_[e.id] = all.size() + 1;
    std::map<std::pair<std::string_view, std::string_view>, std::string_view> seen;  // who and the push's id -> the push
    for (const auto& [push, of] : all) {
        std::string name = name_of(*of);
        const std::uint64_t content = content_of(push->envelope, name, push->id, connection);
        if (in_flight_.has_orphans() && adopt(e, content)) {
            continue;
        }
        received_push p;
        p.id = e.id;
        p.source = push_source::kept;
        p.content = content;
        p.name = std::move(name);
        // A second push with the same id is a duplicate, as it would have been for a connected member.
        const auto first = seen.try_emplace({of->who, push->push_id}, push->order).first;
        p.attempts = first->second == push->order ? push->attempts : 0;
        p.kept = push;
        take_push(e, push->envelope, std::move(p), of);
    }
    if (!connection.empty()) {
        hooks_.claimed(std::string(connection));
    }
    end_part(whole_entry(e.id), {});
}

void inbox::take_push(const inbox_entry& e, std::string_view envelope, received_push p, const claim* claimed) {
    auto push = decode(e, envelope, p);
    if (!push) {
        return;
    }
    if (hooks_.is_canary(*push)) {
        end_at_once(p, push_end::delivered, std::nullopt, settle_queue::kind::canary);
        return;
    }
    p.callback = std::move(push->callback);
    core::push_origin from = origin_of(e, *push, p);
    if (!address(*push, from, e, p, claimed)) {
        core::delivery_outcome nothing;
        nothing.not_for_it = true;
        end_part(p, nothing);
        return;
    }
    from.receipt = p.receipt;
    from.each = p.receipt && p.name.empty() && config_.outbox.receipts == "each";
    in_flight_.add(from.id, std::move(p));
    hooks_.deliver(*push, from);
}

/// Decodes the envelope. Returns nullopt if the push cannot be delivered and has ended.
std::optional<proto::envelope> inbox::decode(const inbox_entry& e, std::string_view envelope, const received_push& p) {
    if (envelope.empty() && e.fields.has(field::body)) {
        metrics_.undelivered[core::undelivered_reason::envelope_gone] += 1;
        core::log::limited(core::log::level::error, "inbox", "the envelope that an entry of the inbox refers to has gone",
                           {{"body", e.fields[field::body]}});
        end_at_once(p, push_end::dropped, core::undelivered_reason::envelope_gone);
        return std::nullopt;
    }
    auto decoded = proto::decode_signed_envelopes(envelope, {config_.push.secrets, config_.push.require_signature}, true);
    if (decoded.size() != 1 || !decoded[0].value) {
        // No router wrote this entry. Giving it back would return it forever.
        metrics_.rejected.at({"bad_inbox_entry"}) += 1;
        metrics_.undelivered[core::undelivered_reason::unreadable] += 1;
        end_at_once(p, push_end::dropped, core::undelivered_reason::unreadable);
        return std::nullopt;
    }
    return std::move(*decoded[0].value);
}

core::push_origin inbox::origin_of(const inbox_entry& e, const proto::envelope& push, const received_push& p) {
    core::push_origin from;
    from.id = numbers_.take(at_) | (config_.outbox.confirm == "pong" && !push.by_write ? core::confirm_by_pong : 0);
    from.again = p.attempts > 0 || reader_.may_repeat();
    from.everywhere = e.stream == stream_kind::broadcast;
    from.routed = e.id;
    from.shard = at_.here;
    if (p.source == push_source::kept) {
        from.kept = true;
        from.again = p.attempts > 0;
        from.at = core::read_place(p.kept->order).value_or(core::place());
    } else if (p.source != push_source::handover) {
        const auto at = e.fields[e.fields.has(field::history_place) ? field::history_place : field::first_place];
        from.at = at.empty() ? e.id : core::read_place(at).value_or(core::place());
    }
    from.at = in_shard(from.at, at_);
    return from;
}

/// Narrows the push to the receivers for which this instance got it. Returns false if there are none here.
bool inbox::address(proto::envelope& push, core::push_origin& from, const inbox_entry& e, received_push& p,
                    const claim* claimed) {
    const auto connection = e.fields[field::claimed_by];
    if (!p.handover.empty() && !concerns(push.to, std::string_view(p.handover).substr(p.handover.find(':') + 1), p.name)) {
        return false;
    }
    if (claimed != nullptr) {
        from.mailbox = p.for_connection = !connection.empty();
        p.receipt = !p.kept->receipt.empty();
        return address_claimed(push.to, *claimed, connection);
    }
    if (const auto names = e.fields[field::names]; !names.empty()) {
        push.to = narrowed(std::move(push.to), names);  // those of its targets that are here
    } else if (!p.name.empty() && e.fields.has(field::first_place)) {
        push.to = narrowed(std::move(push.to), p.name);  // else it was routed as it was written: for this one name
    }
    if (connection.empty()) {
        return true;
    }
    from.mailbox = p.for_connection = true;
    // What was given back may have been narrowed from a group to this user.
    from.in_order = p.attempts > 0 || push.to.all || !push.to.groups.empty() || !push.to.destinations.empty();
    address_to_connection(push.to, connection, p.name);
    if (!p.receipt && !push.receipt.empty() && !p.is_part()) {
        p.receipt = p.needs_report = true;
        p.push_id = push.id;
    }
    return true;
}

// --------------------------------------------------------------------------------------------------- ending

void inbox::settled(core::delivery_id id, core::delivery_outcome outcome) {
    if (const auto ended = in_flight_.settle(id, std::move(outcome))) {
        end(ended->push, ended->outcome);
    }
}

void inbox::end(const received_push& p, const core::delivery_outcome& o) {
    if (p.is_part()) {
        end_part(p, o);
        return;
    }
    (void)in_flight_.remember_unreached(p, o);
    settlements_.settle(p, settlement_of(p, o, metrics_, timers_.wall()));
}

/// Ends a push that has reached no client here and is not routed again.
void inbox::end_at_once(const received_push& p, push_end outcome, std::optional<core::undelivered_reason> reason,
                        settle_queue::kind k) {
    if (!p.is_part()) {
        settlements_.settle(p, settlement_of(p, outcome, reason), k);
        return;
    }
    core::delivery_outcome o;
    o.dropped = p.kept ? 1 : 0;
    o.why_dropped = reason.value_or(o.why_dropped);
    end_part(p, o);
}

/// One of the pushes that an entry names has ended. The entry ends with the last of them.
void inbox::end_part(const received_push& p, const core::delivery_outcome& o) {
    if (p.source == push_source::kept) {
        if (auto s = settlement_of_kept(p, o, metrics_)) {
            settlements_.report(std::move(*s));
            settlements_.flush_later();
        }
    } else if (p.source == push_source::handover) {
        if (auto s = settlement_of_handover(p, o, metrics_)) {
            settlements_.report(std::move(*s));
        }
    }
    const auto it = parts_left_.find(p.id);
    if (it != parts_left_.end() && --it->second == 0) {
        const auto whole = whole_entry(it->first);
        parts_left_.erase(it);
        settlements_.settle(whole, settlement_of(whole, push_end::delivered));
    }
}

/// Moves pushes of slow clients to the inbox, so that one slow client delays neither the broadcast stream nor other instances.
void inbox::move_slow() {
    move_timer_ = timers_.after(slow_interval, [this] { move_slow(); });
    reader_.tidy();
    for (const auto id : in_flight_.move_slow(timers_.now() - broadcast_patience)) {
        settlement s;
        s.source = push_source::broadcast;
        s.id = id;
        s.outcome = push_end::moved;
        settlements_.report(std::move(s));
        settlements_.flush_later();
    }
}

void inbox::lost(core::delivery_id id, const std::string& name) {
    if (in_flight_.lose(id, name) && !lost_timer_) {
        lost_timer_ = timers_.after(lost_patience, [this] { move_lost(); });
    }
}

/// Routes pushes to audiences again to members who are gone, and moves what is left of each to a new entry, so that it can be told of
/// both parts whatever becomes of the answers.
void inbox::move_lost() {
    lost_timer_.reset();
    for (auto& m : in_flight_.move_lost()) {
        metrics_.redelivered.at({proto::is_refused(m.names.front()) ? "nacked" : "connection_gone"}) += 1;
        settlement s;
        s.source = m.source;
        s.id = m.id;
        s.same = joined(m.names);
        s.outcome = push_end::moved;
        settlements_.report(std::move(s));
        settlements_.flush_later();
    }
    if (in_flight_.has_lost()) {
        lost_timer_ = timers_.after(lost_patience, [this] { move_lost(); });
    }
}

}  // namespace wsidecar::redis
