#include "sidecar/redis/batch.hpp"

#include <algorithm>
#include <utility>

#include "proto/text/ids.hpp"
#include "proto/text/sha1.hpp"
#include "sidecar/redis/canary_name.hpp"
#include "sidecar/redis/commit_actions.hpp"
#include "sidecar/redis/histories.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/receipt_keys.hpp"
#include "sidecar/redis/rejected.hpp"
#include "sidecar/redis/shard_split.hpp"
#include "sidecar/redis/signed_envelope.hpp"
#include "sidecar/redis/target_names.hpp"

namespace wsidecar::redis {
namespace {

using time_point = std::chrono::system_clock::time_point;

/// What a name whose history is kept counts beside itself.
constexpr std::size_t history_names = 3;

/// Whether an encoded envelope contains a member that the scripts search for. Quotes in payloads are escaped, so payloads never match.
bool looks_like_ours(std::string_view envelope) {
    return envelope.find("\"callback\"") != std::string_view::npos || envelope.find("\"receipt\"") != std::string_view::npos;
}

/// Alone it asks for nothing but delivery.
bool is_plain(const proto::envelope& e) {
    return e.receipt.empty() && !e.ttl && !e.mailbox && e.join.empty();
}

time_point end_of(const proto::envelope& e) {
    return *e.time +
           std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(std::min(*e.ttl, 1e9)));
}

/// Builds a batch from entries, one after the other.
class builder {
public:
    builder(const config::config& c, time_point now, shard_number at)
        : config_(c), now_(now), at_(at), actions_(batch_), split_(c, at, actions_) {}

    /// Adds an entry with these envelopes. Returns false if the batch ends before it, because it is full or the entry has to be divided.
    bool add_entry(std::vector<proto::envelope_item>& items, const outbox_entry& from);

    /// The digest that the commit compares with the list's head.
    batch finish(const std::vector<std::string_view>& entries) {
        std::string head;
        for (std::size_t i = 0; i < batch_.entries; ++i) {
            head.append(std::to_string(entries[i].size())).append(":").append(entries[i]);
        }
        batch_.sum = proto::sha1_hex(head);
        return std::move(batch_);
    }

private:
    void add(proto::envelope_item& item, const outbox_entry& given);
    void add_unreadable(const proto::envelope_item& item, const outbox_entry& from);
    bool add_returned(proto::envelope_item& item, outbox_entry& from, bool& keep);
    void add_members(const proto::envelope_item& item, const outbox_entry& from, std::string& names);
    void add_refused(const proto::envelope_item& item, const outbox_entry& from, const std::string& name);
    void route(proto::envelope_item& item, const outbox_entry& from, bool is_as_written, bool keep);
    void push(const proto::envelope& e, const outbox_entry& from, std::string expires, bool keep, const std::string& single,
              const std::vector<std::string>& names);
    void remember(const proto::envelope& e, const std::vector<std::string>& names);
    std::size_t remembered(const proto::envelope& e, const outbox_entry& from) const;
    void divide(std::vector<proto::envelope_item>& items, const std::vector<std::size_t>& each, const outbox_entry& from);
    void divide_array(const std::vector<proto::envelope_item>& items, const std::vector<std::size_t>& each);
    void complete(proto::envelope& e) const;
    std::string without_names(proto::envelope e) const;

    void reject(const char* label, std::string_view reason, std::string_view raw) {
        actions_.reject(label, rejected_record(reason, raw, now_, config_.rejected), {id_in(raw), std::string(reason)});
    }

    batch batch_;
    const config::config& config_;
    time_point now_;
    shard_number at_;
    commit_actions actions_;
    shard_split split_;
    std::size_t targets_ = 0;  ///< of the batch so far
};

bool builder::add_entry(std::vector<proto::envelope_item>& items, const outbox_entry& from) {
    if (from.envelope.empty() && !from.body.empty()) {
        reject("envelope_gone", "envelope_gone: the envelope that this entry refers to is not there any more", from.names);
        if (!from.tally.empty()) {
            actions_.note({}, "", "dropped", "envelope_gone", from);
        }
        ++batch_.entries;
        return true;
    }
    std::size_t all = 0;
    std::vector<std::size_t> each;
    for (auto& item : items) {
        std::size_t n = 1;
        if (item.value) {
            n = from.names.empty() ? targets_of(*item.value).size()
                                   : 1 + static_cast<std::size_t>(std::count(from.names.begin(), from.names.end(), '\n'));
            n += history_names * remembered(*item.value, from);
        }
        each.push_back(std::max<std::size_t>(n, 1));
        all += each.back();
    }
    if (all > targets_at_once) {
        if (batch_.entries > 0) {
            return false;
        }
        divide(items, each, from);
        ++batch_.entries;
        return batch_.division.empty();
    }
    if (targets_ > 0 && targets_ + all > targets_at_once) {
        return false;
    }
    targets_ += all;
    for (auto& item : items) {
        add(item, from);
    }
    if (!from.body.empty()) {
        actions_.release_body(from.body);
    }
    ++batch_.entries;
    return true;
}

// ------------------------------------------------------------------------------------------------- one envelope

void builder::add(proto::envelope_item& item, const outbox_entry& given) {
    if (!item.value) {
        add_unreadable(item, given);
        return;
    }
    outbox_entry from = given;
    proto::envelope& e = *item.value;
    bool is_as_written = from.is_as_written && !e.id.empty() && !looks_like_ours(item.raw);
    complete(e);
    if (!split_.send_elsewhere(item, from, is_as_written)) {
        return;
    }
    bool keep = e.mailbox;
    if (!from.names.empty() && !add_returned(item, from, keep)) {
        return;
    }
    if (!e.receipt.empty() && !may_hold_receipts(e.receipt, config_)) {
        reject("bad_receipt", "bad_receipt: not under the prefix or outbox.receipt_prefix, or a key of wsidecar's own",
               item.raw);
        batch_.ended_here.push_back({e.id, "", "rejected", "bad_receipt"});
        return;
    }
    route(item, from, is_as_written, keep);
}

void builder::add_unreadable(const proto::envelope_item& item, const outbox_entry& from) {
    const auto p = item.value.error();
    reject(p.reason, *p.detail == '\0' ? p.reason : std::string(p.reason) + ": " + p.detail, item.raw);
    if (!from.tally.empty()) {
        actions_.note({}, "", "dropped", "unreadable", from);
    }
}

/// For a returned entry: adds actions for names that must be routed in another way than before, and leaves in the envelope the names to route
/// again as before. Returns false if there are none.
bool builder::add_returned(proto::envelope_item& item, outbox_entry& from, bool& keep) {
    proto::envelope& e = *item.value;
    std::string names = from.names;
    for (const auto& refused : take_names(names, 'n')) {
        add_refused(item, from, refused);
    }
    for (const auto& excepted : take_names(names, 'x')) {
        // The connections with this name are excepted, so the push waits in the mailbox for another one.
        const std::string name = 'x' + on_routes(e.to.routes, {excepted}).front();
        push(e, from, "", e.mailbox, name, {name});
    }
    const auto slow = take_names(names, 'k');
    keep = keep || !slow.empty();
    for (const auto& name : slow) {
        names.append(names.empty() ? "" : "\n").append(name);
    }
    if (names.empty()) {
        return false;
    }
    if (names.find("\nm") != std::string::npos || (names.starts_with('m') && names.find('\n') != std::string::npos)) {
        add_members(item, from, names);
        if (names.empty()) {
            return false;
        }
    }
    e.to = narrowed(std::move(e.to), names);
    e.mailbox = keep;
    return true;
}

/// Aliases that stand for members of a group need a separate push, because they would also narrow the other names.
void builder::add_members(const proto::envelope_item& item, const outbox_entry& from, std::string& names) {
    std::string members;
    for (const auto& m : take_names(names, 'm')) {
        members.append(members.empty() ? "m" : "\nm").append(m);
    }
    if (names.empty()) {
        names = members;
        return;
    }
    proto::envelope_item copy = item;
    copy.value->to = narrowed(copy.value->to, members);
    outbox_entry part = from;
    part.names = {};
    if (!from.tally.empty()) {
        actions_.add_part(from.tally);
    }
    add(copy, part);
}

/// Puts a push that a client has refused with NACK into its mailbox or into `rejected`.
void builder::add_refused(const proto::envelope_item& item, const outbox_entry& from, const std::string& name) {
    const proto::envelope& e = *item.value;
    if (e.mailbox) {
        push(e, from, "", true, 'n' + name, {'n' + name});
    } else {
        reject("nacked", "nacked: the client refused it", item.raw);
        actions_.note(e, 'q' + name, "dropped", "nacked", from);
    }
}

void builder::route(proto::envelope_item& item, const outbox_entry& from, bool is_as_written, bool keep) {
    proto::envelope& e = *item.value;
    const auto names = targets_of(e);
    const std::string single = names.size() == 1 && has_one_owner(names[0][0]) ? names[0] : "";
    if (from.attempts >= max_attempts) {
        reject("attempts",
               "attempts: routed " + std::to_string(from.attempts) + " times to an instance that had no connection for it",
               item.raw);
        actions_.note(e, single, "dropped", "attempts", from);
        return;
    }
    std::string expires;
    if (e.ttl) {
        const auto end = end_of(e);
        if (end < now_) {
            ++batch_.expired;
            actions_.note(e, single, "expired", "", from);
            return;
        }
        expires = std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(end.time_since_epoch()).count());
    }
    if (!single.empty() && from.is_fresh() && is_plain(e)) {
        std::string envelope = is_as_written ? std::string(item.raw) : signed_envelope(e, config_);
        actions_.one(single, std::move(envelope), is_canary_target(single) ? std::string() : std::move(e.id));
        return;
    }
    push(e, from, std::move(expires), keep, single, names);
}

void builder::push(const proto::envelope& e, const outbox_entry& from, std::string expires, bool keep,
                   const std::string& single, const std::vector<std::string>& names) {
    if (from.attempts == 0 && !config_.history.empty()) {
        remember(e, names);
    }
    std::string envelope = !from.body.empty()  ? '@' + std::string(from.body)
                           : e.to.members_only ? without_names(e)
                                               : signed_envelope(e, config_);
    actions_.push(e, from, {std::move(envelope), std::move(expires), keep, single}, names);
}

/// Adds members that the app may omit but every later step needs.
void builder::complete(proto::envelope& e) const {
    if (e.id.empty()) {
        e.id = proto::random_hex128();
    }
    if (e.ttl && !e.time) {
        e.time = now_;
    }
}

/// As it goes on through Redis where its entries carry its names.
std::string builder::without_names(proto::envelope e) const {
    e.to.users.clear();
    e.to.aliases.clear();
    e.to.connections.clear();
    e.to.subscriptions.clear();
    return signed_envelope(e, config_);
}

// ------------------------------------------------------------------------------------------------- histories

/// Adds the push to histories, but only on its first routing.
void builder::remember(const proto::envelope& e, const std::vector<std::string>& names) {
    if (e.kind == proto::payload_kind::none || (!e.to.destinations.empty() && !e.to.of_broker())) {
        return;
    }
    std::vector<std::string> words;
    for (const auto& name : names) {
        if (const auto* rule = rule_for(config_.history, name)) {
            words.insert(words.end(),
                         {name, std::to_string(rule->count), std::to_string(rule->bytes), std::to_string(rule->age.count())});
        }
    }
    if (!words.empty()) {
        actions_.history(std::move(words));
    }
}

/// The number of histories to which the push is added.
std::size_t builder::remembered(const proto::envelope& e, const outbox_entry& from) const {
    if (config_.history.empty() || from.attempts > 0 || e.kind == proto::payload_kind::none) {
        return 0;
    }
    const auto all = from.names.empty() ? targets_of(e) : split_lines(from.names);
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [&](const auto& name) { return rule_for(config_.history, name) != nullptr; }));
}

// ------------------------------------------------------------------------------------------------- division

/// Divides an entry that is too large for one commit.
void builder::divide(std::vector<proto::envelope_item>& items, const std::vector<std::size_t>& each, const outbox_entry& from) {
    if (items.size() > 1) {
        divide_array(items, each);
        return;
    }
    proto::envelope& e = *items[0].value;
    complete(e);
    std::vector<std::string> names = from.names.empty() ? targets_of(e) : split_lines(from.names);
    if (at_.several()) {
        // Sorted by shard, so that few parts are for several shards.
        std::stable_sort(names.begin(), names.end(),
                         [&](const auto& x, const auto& y) { return shard_of(x, at_) < shard_of(y, at_); });
    }
    const std::string tally = from.tally.empty() && !e.receipt.empty() ? "new" : from.tally;
    batch_.division = {std::to_string(from.attempts), std::string(from.order), tally,
                       from.body.empty() ? without_names(e) : std::string(), std::string(from.body)};
    const std::size_t part = targets_at_once / 2 / (remembered(e, from) > 0 ? 1 + history_names : 1);
    for (std::size_t i = 0; i < names.size(); i += part) {
        const auto begin = names.begin() + static_cast<std::ptrdiff_t>(i);
        const auto end = names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), i + part));
        batch_.division.insert(batch_.division.end(), {joined({begin, end}), ""});
    }
}

/// Puts as many envelopes of the array into one part as one commit can take.
void builder::divide_array(const std::vector<proto::envelope_item>& items, const std::vector<std::size_t>& each) {
    batch_.division = {"a0", "", "", "", ""};
    std::string some;
    std::size_t n = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (n > 0 && n + each[i] > targets_at_once) {
            batch_.division.insert(batch_.division.end(), {"", '[' + some + ']'});
            some.clear();
            n = 0;
        }
        n += each[i];
        some.append(some.empty() ? "" : ",").append(items[i].raw);
    }
    batch_.division.insert(batch_.division.end(), {"", '[' + some + ']'});
}

}  // namespace

batch build_batch(const std::vector<std::string_view>& entries, bool returned, const bodies& referred, const config::config& c,
                  time_point now, shard_number at) {
    builder out(c, now, at);
    for (const std::string_view text : entries) {
        outbox_entry e;
        e.envelope = text;
        if (returned) {
            e = read_returned(text, referred);
        }
        auto items = proto::decode_signed_envelopes(e.envelope, {c.push.secrets, c.push.require_signature}, !e.is_as_written);
        if (!out.add_entry(items, e)) {
            break;
        }
    }
    return out.finish(entries);
}

batch build_batch(const std::vector<std::string_view>& entries, const source_reader& reader, const config::config& c,
                  time_point now, shard_number at) {
    builder out(c, now, at);
    const bool stream = !reader.settings().stream.empty();
    std::vector<std::string_view> identities;  // what the commit knows them by
    for (const std::string_view text : entries) {
        std::vector<proto::envelope_item> items;
        std::string described;
        if (stream) {
            const auto entry = proto::read_stream_entry(text).value_or(proto::stream_entry{});
            identities.push_back(entry.id);
            auto push = reader.read(entry);
            if (!push) {
                described = proto::describe_entry(entry);
            }
            items.push_back({std::move(push), described});
        } else {
            identities.push_back(text);
            items.push_back({reader.read({reader.settings().list, {}}, text), text});
        }
        outbox_entry e;
        e.envelope = text;
        e.is_as_written = false;
        if (!out.add_entry(items, e)) {
            break;
        }
    }
    return out.finish(identities);
}

}  // namespace wsidecar::redis
