// world: what a schedule's pushes and clients do, and what the app answers.

#include <algorithm>

#include "tests/simulation/world.hpp"

namespace wsidecar::simulation {
namespace {

std::string quoted(const std::vector<std::string>& names) {
    std::string out = "[";
    for (const auto& n : names) {
        out += (out.size() > 1 ? ",\"" : "\"") + n + "\"";
    }
    return out + "]";
}

const std::vector<std::string> users{"alice", "bob", "carol", "dave"};
const std::vector<std::string> aliases{"order=7", "card=1", "seat=1", "seat=2"};
const std::vector<std::string> groups{"g1", "g2"};

}  // namespace

void world::perform(const action& a) {
    if (healed_) {
        return;
    }
    if (options_.trace) {
        note("=== " + a.describe());
    }
    book_.any_fault = book_.any_fault || is_fault(a.what);
    switch (a.what) {
        case act::push: push_by_list(a, false); break;
        case act::source_push: push_by_list(a, true); break;
        case act::channel_push: push_by_channel(a); break;
        case act::stomp_push: push_to_destination(a); break;
        case act::stream_push: push_by_stream(a); break;
        case act::stream_trim: trim_stream(a); break;
        case act::newcomer: newcomer(a); break;
        case act::cut:
        case act::vanish:
        case act::leave:
        case act::hush:
        case act::move:
        case act::say:
        case act::tunnel:
        case act::resubscribe: client_act(a); break;
        case act::kill:
        case act::freeze:
        case act::drain:
        case act::start:
        case act::app_refuses:
        case act::app_away:
        case act::app_hangs: pod_act(a); break;
        case act::cut_link:
        case act::cut_links:
        case act::late_link:
        case act::answer_lost:
        case act::command_lost:
        case act::answer_late:
        case act::dies_behind:
        case act::stall: link_act(a); break;
        default: redis_act(a); break;
    }
}

// ------------------------------------------------------------------------------------------------------ pushes

void world::push_by_list(const action& a, bool source) {
    if (outage_) {
        return;
    }
    push p;
    p.number = static_cast<std::uint32_t>(book_.pushes.size());
    p.at = now();
    const std::string text = "p" + std::to_string(p.number);
    words command{"RPUSH"};
    if (source) {
        p.by = push::door::source;
        p.users = {users[a.a % 4]};
        command.push_back("src");
        command.push_back(R"({"user":")" + p.users[0] + R"(","text":")" + text + R"(","id":)" + std::to_string(p.number) + "}");
    } else {
        std::string to;
        switch (a.a % 12) {
            case 0:
            case 1:
            case 2: p.users = {users[a.b % 4]}; break;
            case 3:
            case 4:
                p.users = {users[a.b % 4], users[(a.b + 1) % 4]};
                if (a.b / 4 % 4 == 0) {
                    p.users = users;
                }
                break;
            case 5: p.aliases = {aliases[a.b % 4]}; break;
            case 6:
            case 7:
            case 8: p.groups = {groups[a.b % 2]}; break;
            case 9: p.everywhere = true; break;
            case 10:
                if (const auto* d = connected(a.b); d != nullptr && !d->stomp) {
                    p.connections = {d->now->record->id};
                } else {
                    return;
                }
                break;
            default:
                a.b % 2 == 0 ? (void)(p.everywhere = true) : (void)(p.groups = {groups[a.b / 2 % 2]});
                p.except_users = {users[a.b / 4 % 4]};
        }
        const auto member = [&](const char* name, const std::vector<std::string>& names) {
            if (!names.empty()) {
                to += (to.empty() ? "" : ",") + ("\"" + std::string(name) + "\":" + quoted(names));
            }
        };
        member("user", p.users);
        member("alias", p.aliases);
        member("group", p.groups);
        member("connection", p.connections);
        if (p.everywhere) {
            to += "\"all\":true";
        }
        p.mailbox = p.one_by_one() && a.c % 3 == 0;
        p.receipt = a.c / 3 % 4 != 0;
        p.closes = a.c / 12 % 40 == 0;
        std::string envelope = "{\"id\":\"" + text + "\",\"to\":{" + to + "},\"text\":\"" + text + "\"";
        if (!p.except_users.empty()) {
            envelope += ",\"except\":{\"user\":" + quoted(p.except_users) + "}";
        }
        if (p.mailbox) {
            envelope += ",\"mailbox\":true";
        }
        if (p.receipt) {
            envelope += ",\"receipt\":\"w:receipts\"";
        }
        if (p.closes) {
            envelope += ",\"close\":{\"code\":4001,\"reason\":\"bye\"}";
        }
        if (a.c / 480 % 12 == 0) {
            p.ttl = 4 * second;
            envelope += ",\"ttl\":4";
        }
        command.push_back("w:outbox");
        command.push_back(envelope + "}");
    }
    take_push(std::move(p), command);
}

void world::take_push(push p, const words& command) {
    current_->set_time(now() / ms);
    const reply r = current_->ask(command);
    if (options_.trace) {
        note("push " + command[2] + " -> " + r.describe());
    }
    if (r.is != reply::kind::integer) {
        return;
    }
    p.write = current_->data().writes();
    p.size = command[2].size() + 60;
    book_.pushes.push_back(std::move(p));
}

/// To all who have subscribed to a destination of the broker, or to one or both of the users who speak STOMP.
void world::push_to_destination(const action& a) {
    if (outage_) {
        return;
    }
    push p;
    p.number = static_cast<std::uint32_t>(book_.pushes.size());
    p.at = now();
    p.destination = a.a % 2 == 0 ? "/topic/t" : "/queue/n";
    if (a.a % 2 == 1) {
        p.users =
            a.b % 5 == 0 ? std::vector<std::string>{"erin", "frank"} : std::vector<std::string>{a.b % 5 < 3 ? "erin" : "frank"};
        p.mailbox = a.c % 3 == 0;
    }
    p.receipt = a.c / 3 % 2 == 0;
    const std::string text = "p" + std::to_string(p.number);
    std::string envelope = R"({"id":")" + text + R"(","to":{"destination":")" + p.destination + "\"" +
                           (p.users.empty() ? "" : ",\"user\":" + quoted(p.users)) + R"(},"text":")" + text + "\"" +
                           (p.mailbox ? ",\"mailbox\":true" : "") + (p.receipt ? R"(,"receipt":"w:receipts")" : "") + "}";
    take_push(std::move(p), {"RPUSH", "w:outbox", std::move(envelope)});
}

/// A client that is given this push answers it with a NACK.
bool world::refuses(std::uint32_t n) {
    const bool refused = n % 7 == 3 && !book_.pushes[n].mailbox && !book_.pushes[n].of_broker();
    if (refused) {
        book_.refused.insert(n);
    }
    return refused;
}

void world::push_by_channel(const action& a) {
    if (outage_) {
        return;
    }
    push p;
    p.number = static_cast<std::uint32_t>(book_.pushes.size());
    p.at = now();
    p.by = push::door::channel;
    std::string channel;
    switch (a.a % 4) {
        case 0:
            p.users = {users[a.b % 4]};
            channel = "user:" + p.users[0];
            break;
        case 1:
            p.aliases = {aliases[a.b % 4]};
            channel = "alias:" + p.aliases[0];
            break;
        case 2:
            p.groups = {groups[a.b % 2]};
            channel = "group:" + p.groups[0];
            break;
        default: p.everywhere = true; channel = "all";
    }
    book_.pushes.push_back(p);
    (void)current_->ask({"PUBLISH", "w:" + channel, "p" + std::to_string(p.number)});
}

// ----------------------------------------------------------------------------------------------------- clients

device* world::connected(std::uint32_t n) {
    for (std::size_t i = 0; i < devices_.size(); ++i) {
        auto& d = devices_[(n + i) % devices_.size()];
        if (d->now && d->now->open()) {
            return d.get();
        }
    }
    return nullptr;
}

void world::client_act(const action& a) {
    if (a.what == act::tunnel) {
        tunnel(a);
        return;
    }
    device* const d = connected(a.a);
    if (d == nullptr) {
        return;
    }
    const auto there = d->now;
    switch (a.what) {
        case act::cut: there->cut(false); break;
        case act::vanish: there->cut(true); break;
        case act::move: there->cut(false, 1001); break;
        case act::leave:
            d->wants = false;
            queue_.after((500 + a.b % 6000) * ms, [this, d] {
                d->wants = true;
                dial(*d);
            });
            there->cut(false, 1000);
            break;
        case act::hush:
            d->answers = false;
            if (a.c % 3 != 0) {
                // ... and ends before it answers again.
                queue_.after((50 + a.d % 1800) * ms, [there] { there->cut(false); });
            }
            queue_.after((300 + a.b % 3000) * ms, [d] {
                d->answers = true;
                if (d->now) {
                    d->now->pong_now();
                }
            });
            break;
        case act::resubscribe:
            if (d->stomp) {
                there->resubscribe((20 + a.b % 3000) * ms);
            }
            break;
        case act::say:
            if (d->stomp || d->events) {
                break;
            }
            there->say(a.b % 2 == 0 ? "join g1" : "join g2");
            break;
        default: break;
    }
}

/// Some of the people are in a tunnel: what they answer does not arrive, their connections end and begin again.
void world::tunnel(const action& a) {
    for (std::size_t i = 0; i < devices_.size(); ++i) {
        device* const d = devices_[i].get();
        if ((a.a >> i) % 2 == 0) {
            continue;
        }
        d->answers = false;
        for (auto n = 1 + (a.b >> i) % 3; n > 0; --n) {
            queue_.after(rng_.between(100, 4000) * ms, [d] {
                if (d->now) {
                    d->now->cut(false);
                }
            });
        }
        queue_.after(rng_.between(500, 4500) * ms, [d] {
            d->answers = true;
            if (d->now) {
                d->now->pong_now();
            }
        });
    }
}

/// The app's answer has come to its instance: what it says of groups holds from when the registry has had the time to hear of it.
void world::app_answered(const pod& p, const core::app_request& r, const core::app_answer& a) {
    if (a.failure != core::app_failure::none || !r.body.starts_with("join ")) {
        return;
    }
    for (const auto& v : book_.visits) {
        if (const auto it = v->groups.find(r.body.substr(5));
            v->id == r.id.substr(0, r.id.rfind(':')) && it != v->groups.end()) {
            it->second.surely = std::min(it->second.surely, well_from(now(), p) + second);
        }
    }
}

core::app_answer world::app_takes(pod& p, const core::app_request& r, bool ignore) {
    core::app_answer out;
    out.status = 204;
    if (ignore) {
        book_.events[r.id.substr(0, r.id.rfind(':'))].asked = true;
        return out;
    }
    if (options_.trace) {
        note("app of pod" + std::to_string(p.number()) + " takes " + r.id + " " + r.target + " " + r.body.substr(0, 60));
    }
    if (r.target == "/told") {
        for (std::size_t at = 0; at < r.body.size(); ++at) {
            if (r.body[at] >= '0' && r.body[at] <= '9') {
                ++book_.callbacks[static_cast<std::uint32_t>(std::strtoul(r.body.c_str() + at, nullptr, 10))];
                at = r.body.find_first_not_of("0123456789", at);
                if (at == std::string::npos) {
                    break;
                }
            }
        }
        return out;
    }
    const auto colon = r.id.rfind(':');
    const std::string id = r.id.substr(0, colon), which = r.id.substr(colon + 1);
    told& t = book_.events[id];
    const int n = std::atoi(r.target.c_str() + r.target.rfind('d') + 1);
    if (which == "end") {
        ++t.ends;
        t.first_end = t.first_end < 0 ? now() : t.first_end;
    } else if (which == "0") {
        t.pod = p.number();
        t.device = n;
        t.connected = t.asked = true;
        t.at = now();
        const device& d = *devices_[static_cast<std::size_t>(n)];
        if (!d.user.empty()) {
            out.headers.emplace_back("Ws-User", d.user);
        }
        for (const auto& alias : d.aliases) {
            out.headers.emplace_back("Ws-Alias", alias);
        }
        for (const auto& g : d.groups) {
            out.headers.emplace_back("Ws-Join", g);
            if (const auto wanted = wish_of(id, g, r.id)) {
                out.headers.emplace_back("Ws-History", g + "=" + std::to_string(wanted));
            }
        }
        if (const auto wanted = d.stomp ? 0 : wish_of(id, "*", r.id)) {
            out.headers.emplace_back("Ws-History", "*=" + std::to_string(wanted));
        }
    } else if (r.body.starts_with("join ")) {
        const std::string group = r.body.substr(5);
        out.headers.emplace_back("Ws-Join", group);
        for (const auto& v : book_.visits) {
            if (v->id != id) {
                continue;
            }
            v->groups.try_emplace(group, visit::membership{now(), INT64_MAX});
            if (const auto wanted = wish_of(id, group, r.id)) {
                out.headers.emplace_back("Ws-History", group + "=" + std::to_string(wanted));
            }
        }
    }
    return out;
}

}  // namespace wsidecar::simulation
