#include "sidecar/redis/batch.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <map>
#include <utility>

#include "proto/envelope_signature.hpp"
#include "proto/text/ids.hpp"
#include "proto/text/sha1.hpp"
#include "sidecar/redis/histories.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/rejected.hpp"

namespace wsidecar::redis {
namespace {

using time_point = std::chrono::system_clock::time_point;

/// One entry, without what the routing that failed put in front of it.
struct entry {
    std::string_view envelope;
    unsigned attempts = 0;
    std::string_view order;
    std::string_view tally;
    std::string_view names;
    std::string_view body;  ///< id of the body that it refers to; empty: it holds its envelope
    bool written = false;   ///< by an app, as an envelope
};

/// attempts, order, tally, names, envelope with a CR between them; "a" in front of the attempts: the envelope is as an app wrote it.
entry read_returned(std::string_view text, const bodies& referred) {
    entry e{text, 0, {}, {}, {}, {}, true};  // else an operator put an envelope there
    const bool raw = text.starts_with('a');
    std::array<std::string_view, 4> front;
    std::string_view rest = text.substr(raw ? 1 : 0);
    for (auto& word : front) {
        const auto end = rest.find('\r');
        if (end == std::string_view::npos) {
            return e;
        }
        word = rest.substr(0, end);
        rest.remove_prefix(end + 1);
    }
    unsigned attempts = 0;
    const auto parsed = std::from_chars(front[0].data(), front[0].data() + front[0].size(), attempts);
    if (parsed.ec != std::errc{} || parsed.ptr != front[0].data() + front[0].size()) {
        return e;
    }
    e = {rest, attempts, front[1], front[2], front[3], {}, raw};
    if (rest.starts_with('@')) {
        e.body = rest.substr(1);
        const auto found = referred.find(e.body);
        e.envelope = found == referred.end() ? std::string_view() : found->second;
    }
    return e;
}

/// What users, or aliases, have subscribed to for themselves.
void add_own(std::vector<std::string>& out, proto::target_kind kind, const auto& names, const proto::envelope& e) {
    for (const auto& n : names) {
        for (const auto& d : e.to.destinations) {
            out.push_back(proto::target_subscription(kind, n, proto::own_destination(d)));
        }
    }
}

/// Names of one kind that are not excepted by the same name.
void add_names(std::vector<std::string>& out, char kind, const std::vector<std::string>& names,
               const std::vector<std::string>& except) {
    for (const auto& n : names) {
        if (std::find(except.begin(), except.end(), n) == except.end()) {
            out.push_back(kind + n);
        }
    }
}

/// Each of these names on each of the routes; as they are where there are none.
std::vector<std::string> on_routes(const std::vector<std::string>& routes, const std::vector<std::string>& names) {
    if (routes.empty()) {
        return names;
    }
    std::vector<std::string> out;
    for (const auto& name : names) {
        for (const auto& route : routes) {
            out.push_back(('r' + route).append(1, '\0').append(name));
        }
    }
    return out;
}

std::vector<std::string> targets_of(const proto::envelope& e) {
    if (e.to.all) {
        return {"*"};
    }
    std::vector<std::string> out;
    for (const auto& s : e.to.subscriptions) {
        out.push_back('q' + s);
    }
    if (e.to.of_broker()) {
        add_names(out, 'd', e.to.destinations, e.except.routes.empty() ? e.except.destinations : std::vector<std::string>());
        return out;
    }
    // Whom `except` names on some routes only is left to the pods.
    const std::vector<std::string> nobody;
    const bool anywhere = e.except.routes.empty();
    if (e.to.destinations.empty()) {
        add_names(out, 'u', e.to.users, anywhere ? e.except.users : nobody);
        add_names(out, e.to.members_only ? 'm' : 'a', e.to.aliases, anywhere ? e.except.aliases : nobody);
        out = on_routes(e.to.routes, out);
    } else {
        add_own(out, proto::target_kind::user, e.to.users, e);
        add_own(out, proto::target_kind::alias, e.to.aliases, e);
    }
    if (!e.to.members_only) {
        add_names(out, 'g', e.to.groups, anywhere ? e.except.groups : nobody);
    }
    add_names(out, 'c', e.to.connections, anywhere ? e.except.connections : nobody);
    return out;
}

/// A name that has one mailbox, or one connection: not a group, a destination, or all.
bool one_of_its_kind(char kind) {
    return kind != '*' && kind != 'g' && kind != 'd';
}

/// Whether the text has what the scripts search for in what encode_envelope wrote, where a payload's quotes are escaped.
bool looks_like_ours(std::string_view envelope) {
    return envelope.find("\"callback\"") != std::string_view::npos || envelope.find("\"receipt\"") != std::string_view::npos;
}

/// How the names in `all` that begin with `kind` are taken out of it; without that letter.
std::vector<std::string> take_names(std::string& all, char kind) {
    std::vector<std::string> out;
    std::string others;
    std::string_view left = all;
    while (!left.empty()) {
        const auto name = left.substr(0, left.find('\n'));
        left.remove_prefix(std::min(name.size() + 1, left.size()));
        if (name.starts_with(kind)) {
            out.emplace_back(name.substr(1));
        } else {
            others.append(others.empty() ? "" : "\n").append(name);
        }
    }
    all = std::move(others);
    return out;
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> out;
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        out.emplace_back(text.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

/// What a name whose history is kept counts beside itself.
constexpr std::size_t history_names = 3;

/// What a push's first place is called in another shard: such places are told from all of its own, whose last number is lower.
std::string foreign_order(std::string_view order, unsigned shard) {
    constexpr std::uint64_t of_one_shard = 100'000'000;
    const auto dash = order.find('-');
    std::uint64_t seq = 0;
    if (dash == std::string_view::npos ||
        std::from_chars(order.data() + dash + 1, order.data() + order.size(), seq).ec != std::errc{} || seq >= of_one_shard) {
        return std::string(order);
    }
    return std::string(order.substr(0, dash + 1)) + std::to_string(seq + of_one_shard * (shard + 1));
}

/// Names by the shard that they belong to, without the routes in front of them.
using names_by_shard = std::map<unsigned, std::vector<std::string>>;
names_by_shard divided(const std::vector<std::string>& names, shard_number at) {
    names_by_shard out;
    for (const auto& name : names) {
        const bool of_route = name.starts_with('r') && name.find('\0') != std::string::npos;
        auto plain = of_route ? name.substr(name.find('\0') + 1) : name;
        auto& there = out[shard_of(plain, at)];
        if (!of_route || std::find(there.begin(), there.end(), plain) == there.end()) {
            there.push_back(std::move(plain));
        }
    }
    return out;
}

struct builder {
    batch b;
    const config::config& config;
    time_point now;
    shard_number at;
    std::size_t targets = 0;        ///< of the batch so far
    std::deque<std::string> texts;  ///< what entries view

    void reject(const char* label, std::string_view reason, std::string_view raw) {
        b.rejected.emplace_back(label);
        b.ids.emplace_back();
        b.actions.emplace_back("reject");
        b.actions.push_back(rejected_record(reason, raw, now));
    }

    /// As it goes on through Redis.
    std::string sealed(const proto::envelope& e) const {
        return proto::sign_envelope(proto::encode_envelope(e), config.push.secrets);
    }

    /// The same without the names that its entries carry.
    std::string without_names(proto::envelope e) const {
        e.to.users.clear();
        e.to.aliases.clear();
        e.to.connections.clear();
        e.to.subscriptions.clear();
        return sealed(e);
    }

    /// What the commit holds the list's head against.
    void seal(const std::vector<std::string_view>& entries) {
        std::string head;
        for (std::size_t i = 0; i < b.entries; ++i) {
            head.append(std::to_string(entries[i].size())).append(":").append(entries[i]);
        }
        b.sum = proto::sha1_hex(head);
    }

    void note(const proto::envelope& e, const std::string& target, const char* outcome, const char* reason, const entry& from) {
        b.ended_here.push_back({e.id, target, outcome, reason});
        if (!e.receipt.empty() || !from.tally.empty()) {
            b.ids.emplace_back();
            b.actions.insert(b.actions.end(), {"note", e.receipt, e.id, target, outcome, reason, std::string(from.tally),
                                               std::string(from.order)});
        }
    }

    /// An entry that referred to a body has ended.
    void done(const entry& e) {
        if (!e.body.empty()) {
            b.ids.emplace_back();
            b.actions.insert(b.actions.end(), {"done", std::string(e.body)});
        }
    }

    void push(const proto::envelope& e, const entry& from, std::string expires, bool keep, const std::string& single,
              const std::vector<std::string>& names) {
        if (from.attempts == 0 && !config.history.empty()) {
            remember(e, names);
        }
        b.ids.push_back(e.id);
        b.actions.insert(b.actions.end(), {"push",
                                           !from.body.empty()  ? '@' + std::string(from.body)
                                           : e.to.members_only ? without_names(e)
                                                               : sealed(e),
                                           std::to_string(from.attempts), std::string(from.order), std::string(from.tally),
                                           e.receipt, e.id, std::move(expires), keep ? "m" : "", single,
                                           e.callback.empty() ? "" : "1", joined(e.join), std::to_string(names.size())});
        b.actions.insert(b.actions.end(), names.begin(), names.end());
    }

    /// It is kept for who joins later. Once: what was routed before has attempts.
    void remember(const proto::envelope& e, const std::vector<std::string>& names) {
        if (e.kind == proto::payload_kind::none || (!e.to.destinations.empty() && !e.to.of_broker())) {
            return;
        }
        std::vector<std::string> words;
        for (const auto& name : names) {
            if (const auto* rule = rule_for(config.history, name)) {
                words.insert(words.end(), {name, std::to_string(rule->count), std::to_string(rule->bytes),
                                           std::to_string(rule->age.count())});
            }
        }
        if (!words.empty()) {
            b.ids.emplace_back();
            b.actions.insert(b.actions.end(), {"history", std::to_string(words.size())});
            b.actions.insert(b.actions.end(), std::make_move_iterator(words.begin()), std::make_move_iterator(words.end()));
        }
    }

    /// What a client has NACKed goes to its mailbox, or to `rejected`.
    void refuse_nacked(const proto::envelope_item& item, const entry& from, const std::string& name) {
        const proto::envelope& e = *item.value;
        if (e.mailbox) {
            push(e, from, "", true, 'n' + name, {'n' + name});
        } else {
            reject("nacked", "nacked: the client refused it", item.raw);
            note(e, 'q' + name, "dropped", "nacked", from);
        }
    }

    /// How many of its names' histories it goes into.
    std::size_t remembered(const proto::envelope& e, const entry& from) const {
        if (config.history.empty() || from.attempts > 0 || e.kind == proto::payload_kind::none) {
            return 0;
        }
        const auto all = from.names.empty() ? targets_of(e) : lines_of(from.names);
        return static_cast<std::size_t>(
            std::count_if(all.begin(), all.end(), [&](const auto& name) { return rule_for(config.history, name) != nullptr; }));
    }

    /// False: it is too much beside what is in the batch already.
    bool add_entry(std::vector<proto::envelope_item>& items, const entry& from) {
        if (from.envelope.empty() && !from.body.empty()) {
            reject("envelope_gone", "envelope_gone: the envelope that this entry refers to is not there any more", from.names);
            if (!from.tally.empty()) {
                note({}, "", "dropped", "envelope_gone", from);
            }
            ++b.entries;
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
            if (b.entries > 0) {
                return false;
            }
            divide(items, each, from);
            ++b.entries;
            return true;
        }
        if (targets > 0 && targets + all > targets_at_once) {
            return false;
        }
        targets += all;
        for (auto& item : items) {
            add(item, from);
        }
        done(from);
        ++b.entries;
        return true;
    }

    void divide(std::vector<proto::envelope_item>& items, const std::vector<std::size_t>& each, const entry& from) {
        if (items.size() > 1) {
            // Of an array: as many of its envelopes together as one commit takes.
            b.division = {"a0", "", "", "", ""};
            std::string some;
            std::size_t n = 0;
            for (std::size_t i = 0; i < items.size(); ++i) {
                if (n > 0 && n + each[i] > targets_at_once) {
                    b.division.insert(b.division.end(), {"", '[' + some + ']'});
                    some.clear();
                    n = 0;
                }
                n += each[i];
                some.append(some.empty() ? "" : ",").append(items[i].raw);
            }
            b.division.insert(b.division.end(), {"", '[' + some + ']'});
            return;
        }
        proto::envelope& e = *items[0].value;
        complete(e);
        std::vector<std::string> names = from.names.empty() ? targets_of(e) : lines_of(from.names);
        if (at.several()) {
            // So that few parts are for more than one shard.
            std::stable_sort(names.begin(), names.end(),
                             [&](const auto& x, const auto& y) { return shard_of(x, at) < shard_of(y, at); });
        }
        const bool counted = !e.receipt.empty() || !e.callback.empty();
        b.division = {std::to_string(from.attempts), std::string(from.order),
                      !from.tally.empty() ? std::string(from.tally)
                      : counted           ? "new"
                                          : "",
                      from.body.empty() ? without_names(e) : std::string(), std::string(from.body)};
        const std::size_t part = targets_at_once / 2 / (remembered(e, from) > 0 ? 1 + history_names : 1);
        for (std::size_t i = 0; i < names.size(); i += part) {
            std::string some;
            for (std::size_t k = i; k < std::min(names.size(), i + part); ++k) {
                some.append(some.empty() ? "" : "\n").append(names[k]);
            }
            b.division.insert(b.division.end(), {std::move(some), ""});
        }
    }

    /// Aliases that stand for members of a group are a push of their own: beside others they would narrow these, too.
    void add_members(const proto::envelope_item& item, const entry& from, std::string& names) {
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
        entry part = from;
        part.names = {};
        if (!from.tally.empty()) {
            b.ids.emplace_back();
            b.actions.insert(b.actions.end(), {"more", std::string(from.tally)});
        }
        add(copy, part);
    }

    /// What the app left out and every later step needs.
    void complete(proto::envelope& e) const {
        if (e.id.empty()) {
            e.id = proto::random_hex128();
        }
        if (e.ttl && !e.time) {
            e.time = now;
        }
    }

    std::string_view stored(std::string text) { return texts.emplace_back(std::move(text)); }

    /// What is for names of other shards goes there; what is left has only names of this one. False: nothing is left. `whole`: it is as the app wrote it.
    bool send_elsewhere(proto::envelope_item& item, entry& from, bool& whole) {
        proto::envelope& e = *item.value;
        const bool fresh = from.attempts == 0 && from.order.empty();
        if (!at.several() || from.attempts >= max_attempts ||
            (fresh && !e.receipt.empty() && !may_hold_receipts(e.receipt, config))) {
            return true;
        }
        const auto parts = divided(from.names.empty() ? targets_of(e) : lines_of(from.names), at);
        const bool here = parts.contains(at.here);
        if (parts.empty() || (here && parts.size() == 1)) {
            return true;
        }
        const bool routed_before = !from.tally.empty();
        count_parts(e, from, parts.size());
        if (routed_before && (!e.receipt.empty() || !e.callback.empty())) {
            // Its last part may end elsewhere.
            b.ids.emplace_back();
            b.actions.insert(b.actions.end(), {"tally", std::string(from.tally), "", e.receipt, e.id, e.callback});
        }
        const std::string tally = from.tally.empty() ? "" : '^' + std::to_string(at.here) + '.' + std::string(from.tally);
        bool told = false;
        for (const auto& [shard, names] : parts) {
            if (shard == at.here) {
                continue;
            }
            std::string envelope(from.envelope);
            if (from.names.empty() && (!whole || parts.size() > 1)) {
                proto::envelope part = e;
                if (parts.size() > 1) {
                    part.to = narrowed(std::move(part.to), joined(names));
                }
                envelope = sealed(part);
            } else if (from.names.empty()) {
                envelope = item.raw;
            }
            b.ids.push_back(!here && !std::exchange(told, true) ? e.id : "");
            ++b.sent;
            b.actions.insert(b.actions.end(), {"send", std::to_string(shard),
                                               'p' + returned_entry(from.attempts, foreign_order(from.order, at.here), tally,
                                                                    from.names.empty() ? "" : joined(names), envelope)});
        }
        whole = false;  // what is left is not what the app wrote
        if (here && from.names.empty()) {
            e.to = narrowed(std::move(e.to), joined(parts.at(at.here)));
        } else if (here) {
            from.names = stored(joined(parts.at(at.here)));
        }
        return here;
    }

    /// One receipt, and one word to the app, for all parts of a push.
    void count_parts(proto::envelope& e, entry& from, std::size_t parts) {
        if (parts < 2) {
            return;
        }
        if (!from.tally.empty()) {
            for (std::size_t i = 1; i < parts; ++i) {
                b.ids.emplace_back();
                b.actions.insert(b.actions.end(), {"more", std::string(from.tally)});
            }
        } else if (!e.callback.empty() || (!e.receipt.empty() && config.outbox.receipts != "each")) {
            from.tally = stored('~' + proto::random_hex128());
            if (!e.callback.empty()) {
                e.callback.insert(0, from.tally);
            }
            b.ids.emplace_back();
            b.actions.insert(b.actions.end(),
                             {"tally", std::string(from.tally), std::to_string(parts), e.receipt, e.id, e.callback});
        }
    }

    void add(proto::envelope_item& item, const entry& given) {
        entry from = given;
        if (!item.value) {
            const auto p = item.value.error();
            reject(p.reason, *p.detail == '\0' ? p.reason : std::string(p.reason) + ": " + p.detail, item.raw);
            if (!from.tally.empty()) {
                note({}, "", "dropped", "unreadable", from);
            }
            return;
        }
        proto::envelope& e = *item.value;
        bool whole = from.written && !e.id.empty() && !looks_like_ours(item.raw);
        complete(e);
        if (!send_elsewhere(item, from, whole)) {
            return;
        }
        bool keep = e.mailbox;
        if (!from.names.empty()) {
            std::string names(from.names);
            for (const auto& nacked : take_names(names, 'n')) {
                refuse_nacked(item, from, nacked);
            }
            for (const auto& elsewhere : take_names(names, 'x')) {
                // Whoever has this name is there, and excepted: it waits for another connection.
                const std::string name = 'x' + on_routes(e.to.routes, {elsewhere}).front();
                push(e, from, "", e.mailbox, name, {name});
            }
            // Its connection was closed as too slow, and its route wants it kept.
            const auto slow = take_names(names, 'k');
            keep = keep || !slow.empty();
            for (const auto& name : slow) {
                names.append(names.empty() ? "" : "\n").append(name);
            }
            if (names.empty()) {
                return;
            }
            if (names.find("\nm") != std::string::npos || (names.starts_with('m') && names.find('\n') != std::string::npos)) {
                add_members(item, from, names);
                if (names.empty()) {
                    return;
                }
            }
            e.to = narrowed(std::move(e.to), names);
            e.mailbox = keep;
        }
        if (!e.receipt.empty() && !may_hold_receipts(e.receipt, config)) {
            reject("bad_receipt", "bad_receipt: not under the prefix or outbox.receipt_prefix, or a key of wsidecar's own",
                   item.raw);
            b.ended_here.push_back({e.id, "", "rejected", "bad_receipt"});
            return;
        }
        const auto names = targets_of(e);
        const std::string single = names.size() == 1 && one_of_its_kind(names[0][0]) ? names[0] : "";
        if (from.attempts >= max_attempts) {
            reject("attempts",
                   "attempts: its connections ended " + std::to_string(from.attempts) + " times before they confirmed it",
                   item.raw);
            note(e, single, "dropped", "attempts", from);
            return;
        }
        std::string expires;
        if (e.ttl) {
            const auto end = *e.time + std::chrono::duration_cast<std::chrono::milliseconds>(
                                           std::chrono::duration<double>(std::min(*e.ttl, 1e9)));
            if (end < now) {
                ++b.expired;
                note(e, single, "expired", "", from);
                return;
            }
            expires = std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(end.time_since_epoch()).count());
        }
        if (!single.empty() && from.attempts == 0 && from.order.empty() && e.receipt.empty() && !e.ttl && !e.mailbox &&
            e.callback.empty() && e.join.empty()) {
            b.actions.emplace_back("one");
            b.actions.push_back(single);
            b.actions.push_back(whole ? std::string(item.raw) : sealed(e));
            b.ids.push_back(names[0].starts_with("ccanary:") ? std::string() : std::move(e.id));  // nobody asks for canaries
            return;
        }
        push(e, from, std::move(expires), keep, single, names);
    }
};

}  // namespace

std::string returned_entry(unsigned attempts, std::string_view order, std::string_view tally, std::string_view names,
                           std::string_view envelope) {
    std::string out = std::to_string(attempts);
    for (const auto word : {order, tally, names, envelope}) {
        out.append("\r").append(word);
    }
    return out;
}

proto::addresses addresses_of(std::string_view names) {
    proto::addresses out;
    while (!names.empty()) {
        const auto line = names.substr(0, names.find('\n'));
        names.remove_prefix(std::min(line.size() + 1, names.size()));
        if (line.empty()) {
            continue;
        }
        const auto plain = line[0] == 'r' ? line.substr(std::min(line.find('\0'), line.size() - 1) + 1) : line;
        if (plain.empty()) {
            continue;
        }
        const std::string name(plain.substr(1));
        switch (plain[0]) {
            case 'u': out.users.push_back(name); break;
            case 'a': out.aliases.push_back(name); break;
            case 'm':
                out.aliases.push_back(name);
                out.members_only = true;
                break;
            case 'g': out.groups.push_back(name); break;
            case 'c': out.connections.push_back(name); break;
            case 'd': out.destinations.push_back(name); break;
            case 'q': out.subscriptions.push_back(name); break;
            case '*': out.all = true; break;
            default: break;
        }
    }
    return out;
}

proto::addresses narrowed(proto::addresses to, std::string_view names) {
    proto::addresses out = addresses_of(names);
    if (!out.of_broker()) {
        out.destinations = std::move(to.destinations);
    }
    if (out.members_only) {
        out.groups = std::move(to.groups);
    }
    out.routes = std::move(to.routes);
    return out;
}

bool may_hold_receipts(std::string_view key, const config::config& c) {
    const auto& other = c.outbox.receipt_prefix;
    if (!key.starts_with(c.prefix)) {
        return !other.empty() && key.starts_with(other);
    }
    key.remove_prefix(c.prefix.size());
    constexpr auto exact =
        std::to_array<std::string_view>({"config",   "epoch", "instances", "incomplete", "wide",  "router",    "routing",
                                         "rejected", "lost",  "order",     "mailboxes",  "beats", "watched",   "callbacks",
                                         "joining",  "parts", "parked",    "estates",    "kept",  "histories", "links"});
    constexpr auto families = std::to_array<std::string_view>(
        {"lease:",  "dead:",    "presence:", "where:",     "conn:",      "conns:",  "inbox:",   "overflow:", "wide:",
         "lost:",   "left:",    "mailbox:",  "fan:",       "tally:",     "told:",   "gone:",    "estate:",   "heirs:",
         "claims:", "history:", "body:",     "callbacks:", "delivered:", "router:", "routing:", "rejected:", "parts:",
         "parked:", "joining:", "stream:",   "kept:",      "absent:",    "away:",   "person:",  "leavers:"});
    if (c.shards > 1 && key.starts_with("shard:")) {
        return false;
    }
    return !key.empty() && key != c.outbox.key && !key.starts_with(c.outbox.key + ":") &&
           std::find(exact.begin(), exact.end(), key) == exact.end() &&
           std::none_of(families.begin(), families.end(), [&](std::string_view f) { return key.starts_with(f); });
}

batch build_batch(const std::vector<std::string_view>& entries, bool returned, const bodies& referred, const config::config& c,
                  time_point now, shard_number at) {
    builder out{{}, c, now, at, 0, {}};
    for (const std::string_view text : entries) {
        const entry e = returned ? read_returned(text, referred) : entry{text, 0, {}, {}, {}, {}, true};
        auto items = proto::decode_signed_envelopes(e.envelope, {c.push.secrets, c.push.require_signature}, !e.written);
        if (!out.add_entry(items, e) || !out.b.division.empty()) {
            break;
        }
    }
    out.seal(entries);
    return std::move(out.b);
}

batch build_batch(const std::vector<std::string_view>& entries, const source_reader& reader, const config::config& c,
                  time_point now, shard_number at) {
    builder out{{}, c, now, at, 0, {}};
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
        if (!out.add_entry(items, {text, 0, {}, {}, {}, {}}) || !out.b.division.empty()) {
            break;
        }
    }
    out.seal(identities);
    return std::move(out.b);
}

}  // namespace wsidecar::redis
