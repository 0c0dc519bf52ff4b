// The promises about what only some schedules have: a stream as a source, and histories.

#include <algorithm>

#include "tests/simulation/world.hpp"

namespace wsidecar::simulation {
namespace {

/// What is pushed this long before a connection joins is routed before, where nothing is broken.
constexpr instant soon = 1500 * ms;

}  // namespace

/// The sum of all instances, those that have ended included.
double checker::counted(const core::family& (*which)(const core::metrics&),
                        std::initializer_list<std::string_view> reasons) const {
    double n = 0;
    for (const auto& p : w_.pods_) {
        for (const auto& [labels, value] : which(p->numbers()).samples()) {
            n += std::find(reasons.begin(), reasons.end(), labels[0]) != reasons.end() ? value : 0;
        }
    }
    return n;
}

// ------------------------------------------------------------------------------------------------------- streams

/// All of the stream is read, routed and acknowledged; what the app took out before that is counted.
void checker::stream() {
    if (w_.schedule_.stream == schedule::stream_form::none) {
        return;
    }
    const auto* there = w_.current_->data().find("events");
    const auto* s = there == nullptr ? nullptr : std::get_if<stream_value>(&there->data);
    const auto group = s == nullptr ? decltype(s->groups.end())() : s->groups.find("w");
    if (s == nullptr || group == s->groups.end()) {
        w_.broken("stream", "nobody has made its consumer group");
        return;
    }
    if (!group->second.unacknowledged.empty()) {
        w_.broken("stream", std::to_string(group->second.unacknowledged.size()) +
                                " entries are not acknowledged, the first is " +
                                group->second.unacknowledged.begin()->first.text());
    }
    if (!s->entries.empty() && s->entries.rbegin()->first > group->second.last) {
        w_.broken("stream", s->entries.rbegin()->first.text() + " has not been read");
    }
    const auto told = counted([](const core::metrics& m) -> const core::family& { return m.undelivered; }, {"trimmed"});
    // What was read before may be in an instance's hands: it is routed, or counted.
    const auto removed = std::count_if(book_.pushes.begin(), book_.pushes.end(), [](const push& p) { return p.removed; });
    const auto unread = std::count_if(book_.pushes.begin(), book_.pushes.end(), [](const push& p) { return p.unread; });
    // Below 7 Redis does not say how many; and the word of an instance that is killed may go with it.
    const auto number = std::to_string(removed) + " entries went before they were routed, " + std::to_string(unread) +
                        " of them before they were read, and " + std::to_string(static_cast<int>(told)) + " were counted";
    if (w_.schedule_.redis >= 7 && !book_.any_fault && static_cast<double>(unread) > told) {
        w_.broken("trimmed without a word", number);
    }
    if (book_.losses.empty() && static_cast<double>(removed) < told) {
        w_.broken("falsely trimmed", number);
    }
}

// ------------------------------------------------------------------------------------------------------ histories

const kept_name* checker::rule_of(const std::string& target) const {
    const std::string name = target == "*"          ? "all"
                             : target == "g1"       ? "group:g1"
                             : target == "g2"       ? "group:*2"
                             : target == "/topic/t" ? "destination:/topic/*"
                                                    : "";
    const auto& all = w_.schedule_.histories;
    const auto rule = std::find_if(all.begin(), all.end(), [&](const kept_name& k) { return k.name == name; });
    return rule == all.end() ? nullptr : &*rule;
}

void checker::histories() {
    if (w_.schedule_.histories.empty()) {
        return;
    }
    event_sources();
    for (const auto& v : book_.visits) {
        for (const std::string target : {"g1", "g2", "*", "/topic/t"}) {
            if (v->opened >= 0 && !v->events && (target == "/topic/t") == v->stomp) {
                history_of(*v, target);
                history_in_order(*v, target);
            }
        }
    }
    kept_histories();
}

/// Whether a push of that time was routed before `joined` for certain: any instance may have been the router, and its lease outlives it.
bool checker::was_routed(instant pushed, instant joined) const {
    constexpr instant longest_lease = 12 * second;
    const auto any_of_all = [](const auto& by_pod, const auto& matches) {
        return std::any_of(by_pod.begin(), by_pod.end(), [&](const auto& of_pod) {
            return std::any_of(of_pod.second.begin(), of_pod.second.end(), matches);
        });
    };
    return !any_of_all(book_.pod_troubles, [&](const auto& t) {
        return t.second >= pushed - longest_lease && t.first <= joined;
    }) && !any_of_all(book_.deaths, [&](instant at) { return at >= pushed - longest_lease && at <= joined; });
}

/// What a connection has of the pushes to a name from before it joined.
void checker::history_of(const visit& v, const std::string& target) {
    const auto wishes = book_.wishes.find(v.id);
    const auto it = wishes == book_.wishes.end() ? decltype(wishes->second.end())() : wishes->second.find(target);
    const bool asked = wishes != book_.wishes.end() && it != wishes->second.end();
    const auto* rule = rule_of(target);
    const std::uint32_t count = asked && rule != nullptr ? std::min(it->second.count, rule->count) : 0;
    const bool by_message = asked && target != "*" && !target.starts_with('/') && !it->second.event.ends_with(":0");
    const instant asked_at = asked ? it->second.at : v.opened;
    const instant joined = by_message ? std::min(v.groups.at(target).surely, INT64_MAX / 2) : v.opened;  // never: INT64_MAX
    // What he must have: it counts among the last ones, whatever was routed first, and it is young enough.
    std::vector<const push*> newer;
    const bool well =
        w_.well_from(asked_at, *w_.pods_[static_cast<std::size_t>(v.pod)]) == asked_at && !(by_message && book_.app_hung) &&
        counted([](const core::metrics& m) -> const core::family& { return m.history_problems; }, {"unread", "not_kept"}) ==
            0 &&
        book_.clock_steps.empty();
    const bool stayed = v.ended < 0 || v.ended > joined + 2 * soon;
    std::uint32_t from_before = 0;
    for (const auto& p : book_.pushes) {
        if (!p.is_for(target) || p.by == push::door::channel) {
            continue;
        }
        const auto got = v.pushes.find(p.number);
        const bool has_it = got != v.pushes.end() && got->second.received >= 0;
        const bool before = p.at + soon < asked_at;
        from_before += before && has_it;
        if (before && has_it && !book_.any_fault && is_first(v) && rule != nullptr && p.at + rule->age + 2 * soon < asked_at) {
            fail("history", p, v.id + " has got it, and it was too old for that");
        }
        std::uint32_t behind = 0;
        std::size_t bytes = p.size;
        for (const auto& x : book_.pushes) {
            const bool later = x.number > p.number || (x.by != p.by && (book_.any_fault || x.at + soon > p.at));
            if (later && x.number != p.number && x.at < joined + soon && x.is_for(target) && x.by != push::door::channel) {
                ++behind;
                bytes += x.size;
            }
        }
        if (before && behind < count && stayed && well && !has_it && !p.excused && !p.removed && !p.ttl &&
            bytes <= rule->bytes && p.at + rule->age > joined + soon && !data_lost_in(p.at - second, joined + second) &&
            was_routed(p.at, joined) &&
            (v.user.empty() || std::find(p.except_users.begin(), p.except_users.end(), v.user) == p.except_users.end())) {
            fail("history", p,
                 v.id + " asked for " + std::to_string(it->second.count) + " of " + target + " at " +
                     std::to_string(asked_at / ms) + " ms and has not got it");
        }
    }
    if (from_before > count && !book_.any_fault && is_first(v)) {
        w_.broken("history", v.id + " has " + std::to_string(from_before) + " of " + target +
                                 " from before it came, and asked for " + std::to_string(count));
    }
}

/// Who listens by server-sent events, and says which was the last when he comes again: he has all of what is kept, or is told of a gap. What the
/// kernel had taken counts as delivered, so nothing else helps him.
void checker::event_sources() {
    for (const auto& d : w_.devices_) {
        std::vector<const visit*> all;
        for (const auto& v : book_.visits) {
            if (d->events && v->device == d->number && v->opened >= 0) {
                all.push_back(v.get());
            }
        }
        for (const auto& p : book_.pushes) {
            if (all.empty() || p.at < all[0]->sure_from + soon || p.by == push::door::channel || p.ttl || p.excused ||
                p.removed || std::find(p.except_users.begin(), p.except_users.end(), d->user) != p.except_users.end()) {
                continue;
            }
            int times = 0;
            bool gap = false;
            for (const auto* v : all) {
                const auto it = v->pushes.find(p.number);
                times += it != v->pushes.end() && it->second.received >= 0;
                gap =
                    gap || std::any_of(v->gaps.begin(), v->gaps.end(), [&](const auto& g) {
                        return g.first >= p.at && (g.second.empty() ||
                                                   p.is_for(g.second == "all" ? "*" : g.second.substr(g.second.find(':') + 1)));
                    });
            }
            const bool kept = (p.is_for("g1") && rule_of("g1") != nullptr) || (p.is_for("*") && rule_of("*") != nullptr);
            if (kept && times == 0 && !gap) {
                fail("lost", p, "d" + std::to_string(d->number) + " listens, and has neither got it nor been told of a gap");
            }
            if (times > 1 && !book_.any_fault) {
                fail("repeat", p,
                     "d" + std::to_string(d->number) + " has got it " + std::to_string(times) + " times, and had said so");
            }
        }
    }
}

/// Nobody of the same name was there before, not even for an instance, so that nothing waited for him.
bool checker::is_first(const visit& v) const {
    const bool told = std::any_of(book_.events.begin(), book_.events.end(), [&](const auto& e) {
        return e.first != v.id && e.second.device == v.device && e.second.at < v.opened;
    });
    return !told && std::none_of(book_.visits.begin(), book_.visits.end(), [&](const auto& x) {
        return x->opened < v.opened && x->id != v.id &&
               ((!v.user.empty() && x->user == v.user) || std::any_of(v.aliases.begin(), v.aliases.end(), [&](const auto& a) {
                    return std::find(x->aliases.begin(), x->aliases.end(), a) != x->aliases.end();
                }));
    });
}

/// What is for one name comes in order, whether it is from before or live, where nothing was routed again.
void checker::history_in_order(const visit& v, const std::string& target) {
    if (book_.any_fault || !v.unsubscribed.empty()) {
        return;
    }
    const push* last = nullptr;
    for (const auto n : v.order) {
        const auto& p = book_.pushes[n];
        const bool again = std::any_of(book_.visits.begin(), book_.visits.end(), [&](const auto& x) {
            const auto it = x->pushes.find(n);
            return x->id != v.id && x->user == v.user && it != x->pushes.end() && it->second.confirmed < 0;
        });
        if (p.by != push::door::list || !p.is_for(target) || again) {
            continue;
        }
        if (last != nullptr && last->number > p.number) {
            fail("order", p,
                 "came to " + v.id + " behind p" + std::to_string(last->number) + ", which is for " + target + ", too");
        }
        last = &p;
    }
}

/// Nothing is kept beyond its bounds, nothing without a rule, and the sizes are right.
void checker::kept_histories() {
    const std::string prefix = "w:history:";
    double bytes = 0;
    for (const auto& name : w_.current_->data().names()) {
        const std::string of = name.substr(std::min(prefix.size(), name.size()));
        if (!name.starts_with(prefix) || of == "sizes" || of == "cut" || of == "rules") {
            continue;
        }
        const std::string target = of == "all" ? "*" : of.substr(of.find(':') + 1);
        const auto* rule = rule_of(target);
        const auto* s = std::get_if<stream_value>(&w_.current_->data().find(name)->data);
        if (rule == nullptr || s == nullptr) {
            w_.broken("history", name + " is there, and nothing says that it is kept");
            continue;
        }
        double size = 0;
        for (const auto& [id, fields] : s->entries) {
            for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
                size += fields[i] == "z" ? std::stod(fields[i + 1]) : 0;
            }
        }
        if (s->entries.size() > rule->count || (s->entries.size() > 1 && size > static_cast<double>(rule->bytes))) {
            w_.broken("history", name + " has " + std::to_string(s->entries.size()) + " entries of " +
                                     std::to_string(static_cast<int>(size)) + " bytes");
        }
        const std::string field = target == "*" ? "*" : (target[0] == '/' ? "d" : "g") + target;
        const auto said = w_.current_->ask({"HGET", "w:history:sizes", field}).text;
        if (said.empty() || std::stod(said) != size) {
            w_.broken("history",
                      name + " has " + std::to_string(static_cast<int>(size)) + " bytes, and is said to have " + said);
        }
        bytes += size;
    }
    const auto said = w_.current_->ask({"HGET", "w:history:sizes", ""}).text;
    if (std::stod(said.empty() ? "0" : said) != bytes) {
        w_.broken("history", "all have " + std::to_string(static_cast<int>(bytes)) + " bytes, and are said to have " + said);
    }
}

/// Everything is too old now.
void checker::when_histories_have_ended() {
    kept_histories();
    for (const auto& name : w_.current_->data().names()) {
        const bool whole = name == "w:history:sizes" || name == "w:history:cut" || name == "w:history:rules";
        if ((name.starts_with("w:history:") && !whole) || name == "w:histories" ||
            (name.starts_with("w:body:") && !book_.any_fault)) {
            w_.broken("kept for ever", name + " is there, and what it is for is too old");
        }
    }
}

}  // namespace wsidecar::simulation
