#include "sidecar/redis/batch.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "proto/envelope_signature.hpp"
#include "proto/ids.hpp"
#include "proto/sha1.hpp"
#include "sidecar/redis/rejected.hpp"

namespace wsidecar::redis {
namespace {

using time_point = std::chrono::system_clock::time_point;

/// One entry, without what the routing that failed put in front of it.
struct entry {
    std::string_view envelope;
    unsigned attempts = 0;
    std::string_view order;
    std::string_view names;
    bool written = false;  ///< by an app, as an envelope
};

entry read_returned(std::string_view text) {
    entry e{text, 0, {}, {}};
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), e.attempts);
    const auto first = static_cast<std::size_t>(parsed.ptr - text.data());
    const auto second = text.find('\r', first + 1);
    const auto third = second == std::string_view::npos ? second : text.find('\r', second + 1);
    if (parsed.ec != std::errc{} || first >= text.size() || text[first] != '\r' || third == std::string_view::npos) {
        return {text, 0, {}, {}};  // an operator put an envelope there
    }
    e.order = text.substr(first + 1, second - first - 1);
    e.names = text.substr(second + 1, third - second - 1);
    e.envelope = text.substr(third + 1);
    return e;
}

/// What users, or aliases, have subscribed to for themselves.
void add_own(std::vector<std::string>& out, char kind, const std::vector<std::string>& names, const proto::envelope& e) {
    for (const auto& n : names) {
        for (const auto& d : e.to.destinations) {
            out.push_back('q' + proto::subscription_name(kind, n, proto::own_destination(d)));
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

std::vector<std::string> targets_of(const proto::envelope& e) {
    if (e.to.all) {
        return {"*"};
    }
    std::vector<std::string> out;
    for (const auto& s : e.to.subscriptions) {
        out.push_back('q' + s);
    }
    if (e.to.of_broker()) {
        add_names(out, 'd', e.to.destinations, e.except.destinations);
        return out;
    }
    if (e.to.destinations.empty()) {
        add_names(out, 'u', e.to.users, e.except.users);
        add_names(out, 'a', e.to.aliases, e.except.aliases);
    } else {
        add_own(out, 'u', e.to.users, e);
        add_own(out, 'a', e.to.aliases, e);
    }
    add_names(out, 'g', e.to.groups, e.except.groups);
    add_names(out, 'c', e.to.connections, e.except.connections);
    return out;
}

/// A name that has one mailbox, or one connection: not a group, a destination, or all.
bool one_of_its_kind(char kind) {
    return kind != '*' && kind != 'g' && kind != 'd';
}

/// Names without the "k"eep in front of each.
std::string without_kept(std::string_view names) {
    std::string out;
    while (!names.empty()) {
        auto name = names.substr(0, names.find('\n'));
        names.remove_prefix(std::min(name.size() + 1, names.size()));
        name.remove_prefix(name.starts_with('k') ? 1 : 0);
        out.append(out.empty() ? "" : "\n").append(name);
    }
    return out;
}

/// Whether the text has what the scripts search for in what encode_envelope wrote, where a payload's quotes are escaped.
bool looks_like_ours(std::string_view envelope) {
    return envelope.find("\"callback\"") != std::string_view::npos || envelope.find("\"receipt\"") != std::string_view::npos;
}

struct builder {
    batch b;
    const config::config& config;
    time_point now;
    std::string rest_{};

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

    /// What the commit holds the list's head against.
    void seal(const std::vector<std::string_view>& entries) {
        std::string head;
        for (const auto text : entries) {
            head.append(std::to_string(text.size())).append(":").append(text);
        }
        b.entries = entries.size();
        b.sum = proto::sha1_hex(head);
    }

    /// What a client has NACKed goes to its mailbox, or to `rejected`. True: nobody else is named.
    bool refuse_nacked(const proto::envelope_item& item, const entry& from) {
        const proto::envelope& e = *item.value;
        std::string others;
        auto names = from.names;
        while (!names.empty()) {
            const auto name = names.substr(0, names.find('\n'));
            names.remove_prefix(std::min(name.size() + 1, names.size()));
            if (!name.starts_with('n')) {
                others.append(others.empty() ? "" : "\n").append(name);
            } else if (e.mailbox) {
                keep(e, std::string(name), from);
            } else {
                reject("nacked", "nacked: the client refused it", item.raw);
                note(e, 'q' + std::string(name.substr(1)), "dropped", "nacked");
            }
        }
        rest_ = std::move(others);
        if (!rest_.empty()) {
            entry rest = from;
            rest.names = rest_;
            proto::envelope_item copy = item;
            add(copy, rest);
        }
        return true;
    }

    /// Straight into a mailbox.
    void keep(const proto::envelope& e, const std::string& name, const entry& from) {
        b.ids.push_back(e.id);
        b.actions.insert(b.actions.end(), {"push", sealed(e), std::to_string(from.attempts),
                                           std::string(from.order), e.receipt, e.id, "", "m", name, "1", name});
    }

    void note(const proto::envelope& e, const std::string& target, const char* outcome, const char* reason) {
        b.ended_here.push_back({e.id, target, outcome, reason});
        if (!e.receipt.empty()) {
            b.ids.emplace_back();
            b.actions.insert(b.actions.end(), {"note", e.receipt, e.id, target, outcome, reason});
        }
    }

    void add(proto::envelope_item& item, const entry& from) {
        if (!item.value) {
            const auto p = item.value.error();
            reject(p.reason, *p.detail == '\0' ? p.reason : std::string(p.reason) + ": " + p.detail, item.raw);
            return;
        }
        proto::envelope& e = *item.value;
        if ((from.names.starts_with('n') || from.names.find("\nn") != std::string_view::npos) && refuse_nacked(item, from)) {
            return;
        }
        if (from.names.starts_with('k') || from.names.find("\nk") != std::string_view::npos) {
            // Its connection was closed as too slow, and its route wants it kept.
            e.mailbox = true;
            e.to = narrowed(std::move(e.to), without_kept(from.names));
        } else if (!from.names.empty()) {
            e.to = narrowed(std::move(e.to), from.names);
        }
        if (!e.receipt.empty() && !may_hold_receipts(e.receipt, config)) {
            reject("bad_receipt", "bad_receipt: not under the prefix or outbox.receipt_prefix, or a key of wsidecar's own",
                   item.raw);
            b.ended_here.push_back({e.id, "", "rejected", "bad_receipt"});
            return;
        }
        const bool complete = from.written && !e.id.empty() && !looks_like_ours(item.raw);
        if (e.id.empty()) {
            e.id = proto::random_hex128();
        }
        if (e.ttl && !e.time) {
            e.time = now;
        }
        const auto targets = targets_of(e);
        const std::string single = targets.size() == 1 && one_of_its_kind(targets[0][0]) ? targets[0] : "";
        if (from.attempts >= max_attempts) {
            reject("attempts",
                   "attempts: its connections ended " + std::to_string(from.attempts) + " times before they confirmed it",
                   item.raw);
            note(e, single, "dropped", "attempts");
            return;
        }
        std::string expires;
        if (e.ttl) {
            const auto end = *e.time + std::chrono::duration_cast<std::chrono::milliseconds>(
                                           std::chrono::duration<double>(std::min(*e.ttl, 1e9)));
            if (end < now) {
                ++b.expired;
                note(e, single, "expired", "");
                return;
            }
            expires = std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(end.time_since_epoch()).count());
        }
        const auto say = [this](std::string word) { b.actions.push_back(std::move(word)); };
        if (!single.empty() && from.attempts == 0 && from.order.empty() && e.receipt.empty() && !e.ttl && !e.mailbox) {
            say("one");
            say(single);
            say(complete ? std::string(item.raw) : sealed(e));
            b.ids.push_back(std::move(e.id));
            return;
        }
        b.ids.push_back(e.id);
        say("push");
        say(sealed(e));
        say(std::to_string(from.attempts));
        say(std::string(from.order));
        say(e.receipt);
        say(e.id);
        say(std::move(expires));
        say(e.mailbox ? "m" : "");
        say(single);
        say(std::to_string(targets.size()));
        b.actions.insert(b.actions.end(), targets.begin(), targets.end());
    }
};

}  // namespace

std::string returned_entry(unsigned attempts, std::string_view order, std::string_view names, std::string_view envelope) {
    std::string out = std::to_string(attempts);
    out.append("\r").append(order).append("\r").append(names).append("\r").append(envelope);
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
        const std::string name(line.substr(1));
        switch (line[0]) {
            case 'u': out.users.push_back(name); break;
            case 'a': out.aliases.push_back(name); break;
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
    return out;
}

bool may_hold_receipts(std::string_view key, const config::config& c) {
    const auto& other = c.outbox.receipt_prefix;
    if (!key.starts_with(c.prefix)) {
        return !other.empty() && key.starts_with(other);
    }
    key.remove_prefix(c.prefix.size());
    constexpr std::array<std::string_view, 12> exact{"config",   "epoch", "instances", "wide",      "router", "routing",
                                                     "rejected", "lost",  "order",     "mailboxes", "beats",  "callbacks"};
    constexpr std::array<std::string_view, 15> families{
        "lease:", "dead:", "presence:", "where:", "conn:", "conns:",     "inbox:",    "wide:",
        "lost:",  "left:", "mailbox:",  "fan:",   "gone:", "callbacks:", "delivered:"};
    return !key.empty() && key != c.outbox.key && !key.starts_with(c.outbox.key + ":") &&
           std::find(exact.begin(), exact.end(), key) == exact.end() &&
           std::none_of(families.begin(), families.end(), [&](std::string_view f) { return key.starts_with(f); });
}

batch build_batch(const std::vector<std::string_view>& entries, bool returned, const config::config& c, time_point now) {
    builder out{{}, c, now};
    for (const std::string_view text : entries) {
        const entry e = returned ? read_returned(text) : entry{text, 0, {}, {}, true};
        for (auto& item : proto::decode_signed_envelopes(e.envelope, {c.push.secrets, c.push.require_signature}, returned)) {
            out.add(item, e);
        }
    }
    out.seal(entries);
    return std::move(out.b);
}

batch build_batch(const std::vector<std::string_view>& entries, const source_reader& reader, const config::config& c,
                  time_point now) {
    builder out{{}, c, now};
    for (const std::string_view text : entries) {
        proto::envelope_item item{reader.read({reader.settings().list, {}}, text), text};
        out.add(item, {text, 0, {}, {}});
    }
    out.seal(entries);
    return std::move(out.b);
}

}  // namespace wsidecar::redis
