// The promises about single pushes: who has them, who must not.

#include <algorithm>

#include "tests/simulation/world.hpp"

namespace wsidecar::simulation {
namespace {

template <class T>
bool holds(const std::vector<T>& all, const T& x) {
    return std::find(all.begin(), all.end(), x) != all.end();
}

constexpr instant sure = 2 * second;  ///< what the grace may be shorter by: nobody measures it from the same moment

}  // namespace

void checker::fail(const std::string& kind, const push& p, const std::string& why) {
    std::string to;
    for (const auto* names : {&p.users, &p.aliases, &p.groups, &p.connections}) {
        for (const auto& n : *names) {
            to += (to.empty() ? "" : ",") + n;
        }
    }
    const auto it = said_.find(p.number);
    w_.broken(kind, (p.by == push::door::source ? "source's p" : "p") + std::to_string(p.number) + " to " +
                        (p.everywhere ? "all" : to) + (p.mailbox ? " (mailbox)" : "") + (p.closes ? " (close)" : "") + " at " +
                        std::to_string(p.at / ms) + " ms: " + why + (it == said_.end() ? "" : "; receipts:" + it->second));
}

/// What began while a connection was not certain to be registered yet put that off.
void checker::settle_certainty() {
    for (const auto& v : book_.visits) {
        if (v->opened >= 0 && v->sure_from > v->opened) {
            v->sure_from = w_.well_from(v->sure_from, *w_.pods_[static_cast<std::size_t>(v->pod)]);
        }
    }
}

void checker::when_delivered() {
    settle_certainty();
    read_receipts();
    deliveries();
    strangers();
    repeats();
    order();
    receipts();
    callbacks();
    rejected();
    registry();
    stream();
    histories();
}

std::vector<const visit*> checker::of(char kind, const std::string& name) const {
    std::vector<const visit*> out;
    for (const auto& v : book_.visits) {
        if ((kind == 'u' && v->user == name) || (kind == 'a' && holds(v->aliases, name)) || (kind == 'c' && v->id == name)) {
            out.push_back(v.get());
        }
    }
    return out;
}

bool checker::data_lost_in(instant from, instant to) const {
    const auto within = [&](instant t) { return t >= from && t <= to; };
    return std::any_of(book_.losses.begin(), book_.losses.end(), within) ||
           std::any_of(book_.clock_steps.begin(), book_.clock_steps.end(), within);
}

/// Redis lost its data, and whose connection this was had not registered it anew when it was taken for dead, or was killed: nobody else knew it.
bool checker::forgotten_until(instant end, char kind, const std::string& name) const {
    const auto all = of(kind, name);
    return std::any_of(all.begin(), all.end(), [&](const visit* v) {
        const bool by_instance = v->ended == end && (v->close_code == 1012 || v->close_code == 1006);
        return by_instance && std::any_of(book_.losses.begin(), book_.losses.end(), [&](instant t) {
                   return t >= v->opened && t < end && w_.well_from(t, *w_.pods_[static_cast<std::size_t>(v->pod)]) >= end;
               });
    });
}

/// When the grace began of whose connection ended then: earlier, where its instance stood still and was taken for dead.
instant checker::taken_for_gone(instant end, char kind, const std::string& name) const {
    instant out = end;
    for (const auto* v : of(kind, name)) {
        const auto told = book_.events.find(v->id);
        if (v->ended == end && told != book_.events.end() && told->second.first_end >= 0) {
            out = std::min(out, told->second.first_end);
        }
    }
    return out;
}

/// To where the push goes, whenever this connection is there: the app puts it there when it connects.
bool checker::belongs_by_itself(const push& p, const visit& v) {
    if (p.of_broker() || v.stomp) {
        return p.of_broker() && v.takes(p.destination, p.at);
    }
    return p.everywhere || std::any_of(p.groups.begin(), p.groups.end(), [&](const auto& g) { return v.member(g, 0); });
}

/// Connected from then until now, but for redials within the grace; `of_crowd`: with connections that belong to where this push goes.
bool checker::always_there(char kind, const std::string& name, instant from, const push* of_crowd) const {
    const auto grace = std::chrono::duration_cast<std::chrono::microseconds>(w_.options_.settings.outbox.grace).count() - sure;
    std::vector<std::pair<instant, instant>> spans;
    for (const auto* v : of(kind, name)) {
        if (of_crowd != nullptr && !belongs_by_itself(*of_crowd, *v)) {
            continue;
        }
        const instant end = v->ended < 0 ? INT64_MAX : v->ended;
        if (v->opened >= 0 && v->sure_from < end && end > from - grace) {
            spans.emplace_back(v->sure_from, end);
        }
    }
    std::sort(spans.begin(), spans.end());
    if (spans.empty() || spans[0].first > from) {
        return false;
    }
    instant covered = spans[0].second;
    for (const auto& [begin, end] : spans) {
        const instant gone = taken_for_gone(covered, kind, name);
        const bool bridged = begin <= covered || (begin - gone <= grace && !data_lost_in(gone - second, begin) &&
                                                  !forgotten_until(covered, kind, name));
        if (!bridged && begin > from) {
            return false;
        }
        covered = std::max(covered, end);
    }
    return covered == INT64_MAX;
}

bool checker::had(const push& p, char kind, const std::string& name) const {
    const auto all = of(kind, name);
    return std::any_of(all.begin(), all.end(), [&](const visit* v) {
        const auto it = v->pushes.find(p.number);
        return it != v->pushes.end() && it->second.received >= 0;
    });
}

void checker::deliveries() {
    for (const auto& p : book_.pushes) {
        if (p.by != push::door::channel && !p.excused && !p.removed) {
            deliveries_of(p);
        }
    }
}

void checker::deliveries_of(const push& p) {
    for (const auto& u : p.users) {
        one_target(p, 'u', u);
    }
    for (const auto& a : p.aliases) {
        one_target(p, 'a', a);
    }
    for (const auto& c : p.connections) {
        const auto all = of('c', c);
        if (!all.empty() && all[0]->ended < 0 && all[0]->sure_from < p.at && !p.ttl && !had(p, 'c', c)) {
            fail("lost", p, "its connection is there and has not got it");
        }
    }
    members(p);
}

void checker::one_target(const push& p, char kind, const std::string& name) {
    // A push that closes is for the connections that it closes: what they had not confirmed is not their successors'.
    if (p.ttl || had(p, kind, name) || (p.closes && !p.mailbox)) {
        return;
    }
    if (p.mailbox) {
        fail("lost", p, name + " came and it was not in the mailbox");
    } else if (always_there(kind, name, p.at)) {
        fail("lost", p, name + " was connected, or just redialling, all the time");
    }
}

/// Belonged to where this push goes when it was pushed.
bool checker::belonged(const push& p, const visit& v) {
    if (p.of_broker() || v.stomp) {
        return p.of_broker() && v.takes(p.destination, p.at);
    }
    const bool in =
        p.everywhere || std::any_of(p.groups.begin(), p.groups.end(), [&](const auto& g) { return v.member(g, p.at); });
    return in && (v.user.empty() || !holds(p.except_users, v.user));
}

/// Groups, destinations and all: who belonged to it then, and stayed; who had been sent it, and ended before the confirmation.
void checker::members(const push& p) {
    if (p.one_by_one() || p.ttl) {
        return;
    }
    for (const auto& v : book_.visits) {
        if (!belonged(p, *v) || !v->open_at(p.at) || v->sure_from > p.at || v->events) {
            continue;
        }
        const auto it = v->pushes.find(p.number);
        if (it != v->pushes.end() && it->second.received >= 0) {
            continue;
        }
        if (v->ended < 0) {
            fail("lost", p, "d" + std::to_string(v->device) + " " + v->id + " belonged to it, stayed, and has not got it");
        } else if (it != v->pushes.end() && !v->user.empty() && !p.closes && !had(p, 'u', v->user) &&
                   always_there('u', v->user, v->ended)) {
            fail("lost", p,
                 "d" + std::to_string(v->device) + " " + v->id + " ended before it had it, and " + v->user + " has not got it");
        }
    }
    absent(p);
}

/// Groups and all: who belonged to it, and was between two connections then, has it once he belongs to it again.
void checker::absent(const push& p) {
    std::set<std::string> seen;
    for (const auto& d : w_.devices_) {
        const char kind = d->user.empty() ? 'a' : 'u';
        const auto& name = d->user.empty() ? d->aliases.back() : d->user;  // that alias is nobody else's
        if (p.closes || d->events || holds(p.except_users, name) || !seen.insert(name).second) {
            continue;
        }
        // Whoever has left by UNSUBSCRIBE, and not come again, does not belong to it.
        const auto all = of(kind, name);
        const auto last = std::max_element(all.begin(), all.end(), [&](const visit* a, const visit* b) {
            return (a->opened <= p.at ? a->opened : -1) < (b->opened <= p.at ? b->opened : -1);
        });
        // Nor does a client that has unsubscribed so soon after it came back that it may not have had what was kept.
        const bool left_again = std::any_of(all.begin(), all.end(), [&](const visit* v) {
            return v->opened > p.at && std::any_of(v->unsubscribed.begin(), v->unsubscribed.end(),
                                                   [&](const auto& gap) { return gap.first <= v->opened; });
        });
        // Nor does a client whose last connection that is certain to be in the registry had unsubscribed.
        const visit* known = nullptr;
        for (const visit* v : all) {
            known = v->opened >= 0 && v->sure_from <= p.at && (known == nullptr || v->opened > known->opened) ? v : known;
        }
        const bool known_to_have_left = known != nullptr && !known->takes(p.destination, p.at);
        if (p.of_broker() && (left_again || known_to_have_left)) {
            continue;
        }
        if (p.of_broker() && last != all.end() && !(*last)->takes(p.destination, p.at)) {
            continue;
        }
        if (!had(p, kind, name) && always_there(kind, name, p.at, &p)) {
            fail("lost", p, name + " belonged to it, or was just redialling, all the time");
        }
    }
}

// ---------------------------------------------------------------------------------------------------- strangers

bool checker::meant(const push& p, const visit& v) const {
    if (p.of_broker() || v.stomp || !p.destination.empty()) {
        return v.stomp && (p.of_broker() || (!p.destination.empty() && holds(p.users, v.user)));
    }
    if (p.everywhere || (!v.user.empty() && holds(p.users, v.user))) {
        return true;
    }
    for (const auto& a : p.aliases) {
        if (holds(v.aliases, a)) {
            return true;
        }
        const auto all = of('a', a);  // his other connections may take it
        if (!v.user.empty() && std::any_of(all.begin(), all.end(), [&](const visit* x) { return x->user == v.user; })) {
            return true;
        }
    }
    for (const auto& c : p.connections) {
        const auto all = of('c', c);
        if (c == v.id || (!all.empty() && !all[0]->user.empty() && all[0]->user == v.user)) {
            return true;
        }
    }
    for (const auto& g : p.groups) {
        if (v.was_member(g)) {
            return true;
        }
        for (const auto& x : book_.visits) {
            const bool same = (!v.user.empty() && x->user == v.user) ||
                              (x->user.empty() && std::any_of(x->aliases.begin(), x->aliases.end(),
                                                              [&](const auto& a) { return holds(v.aliases, a); }));
            if (same && x->was_member(g)) {
                return true;
            }
        }
    }
    return false;
}

void checker::strangers() {
    for (const auto& v : book_.visits) {
        for (const auto& [n, g] : v->pushes) {
            const auto& p = book_.pushes[n];
            if (g.received >= 0 && !meant(p, *v)) {
                fail("foreign", p, "d" + std::to_string(v->device) + " " + v->user + " " + v->id + " has got it");
            }
            if (g.received >= 0 && !v->user.empty() && holds(p.except_users, v->user)) {
                fail("foreign", p, "d" + std::to_string(v->device) + " " + v->user + " is excepted and has got it");
            }
        }
    }
}

void checker::repeats() {
    for (const auto& v : book_.visits) {
        for (const auto& [n, g] : v->pushes) {
            if (g.times > 1 && v->unsubscribed.empty() && (book_.pushes[n].by != push::door::source || book_.pushes[n].entry)) {
                fail("repeat", book_.pushes[n],
                     "d" + std::to_string(v->device) + " " + v->id + " has got it " + std::to_string(g.times) + " times");
            }
        }
    }
    if (book_.any_fault) {
        return;
    }
    // What all that were sent it have confirmed does not come again at a later connection. Who shares an alias with a user shares what is for the
    // alias; a group and `all` are for everybody by himself.
    for (const auto& v : book_.visits) {
        for (const auto& [n, g] : v->pushes) {
            const auto wishes = book_.wishes.find(v->id);
            const bool asked =
                wishes != book_.wishes.end() && std::any_of(wishes->second.begin(), wishes->second.end(), [&](const auto& w) {
                    return w.second.count > 0 && book_.pushes[n].is_for(w.first);
                });
            if (v->user.empty() || g.received < 0 || !v->unsubscribed.empty() || asked || v->events) {
                continue;
            }
            bool before = false, open = false;
            for (const auto& x : book_.visits) {
                const auto it = x->pushes.find(n);
                const bool shares =
                    book_.pushes[n].one_by_one() && x->user.empty() &&
                    std::any_of(x->aliases.begin(), x->aliases.end(), [&](const auto& a) { return holds(v->aliases, a); });
                // It may have been routed to one that was just ending: that goes to its user again, whoever of his has it.
                const auto told = book_.events.find(x->id);
                const bool belonged = !book_.pushes[n].one_by_one() && x->user == v->user && meant(book_.pushes[n], *x) &&
                                      x->opened >= 0 && x->opened < book_.pushes[n].at && told != book_.events.end() &&
                                      told->second.first_end > book_.pushes[n].at - second;
                open = open || (x != v && belonged && (it == x->pushes.end() || it->second.confirmed < 0));
                if (x != v && (x->user == v->user || shares) && it != x->pushes.end() && it->second.given >= 0) {
                    before = before || (it->second.confirmed >= 0 && it->second.confirmed + second < v->opened);
                    open = open || it->second.confirmed < 0;
                }
            }
            if (before && !open) {
                fail("repeat", book_.pushes[n],
                     "all had confirmed it, and d" + std::to_string(v->device) + " has it at " + v->id);
            }
        }
    }
}

/// Of what is for the same single target, where nothing was routed again.
void checker::order() {
    if (book_.any_fault) {
        return;
    }
    for (const auto& v : book_.visits) {
        std::map<push::door, const push*> last;
        for (const auto n : v->order) {
            const auto& p = book_.pushes[n];
            const bool ordered = p.by == push::door::list || p.entry;
            const bool plain = ordered && p.users.size() == 1 && p.targets() == 1 && p.one_by_one() && v->sure_from < p.at;
            bool again = false;
            for (const auto& x : book_.visits) {
                const auto it = x->pushes.find(n);
                again = again || (x != v && x->user == v->user && it != x->pushes.end() && it->second.confirmed < 0);
            }
            if (!plain || again) {
                continue;
            }
            if (const auto* before = std::exchange(last[p.by], &p); before != nullptr && before->number > p.number) {
                fail("order", p, "came to " + v->id + " behind p" + std::to_string(before->number));
            }
        }
    }
}

}  // namespace wsidecar::simulation
