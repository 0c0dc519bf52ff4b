// The promises about receipts, callbacks, events, the registry, and what is left in Redis.

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "tests/simulation/world.hpp"

namespace wsidecar::simulation {

void checker::read_receipts() {
    for (const auto& line : w_.current_->ask({"LRANGE", "w:receipts", "0", "-1"}).items) {
        const auto o = boost::json::parse(line.text).as_object();
        const auto text = [&](const char* name) {
            const auto* v = o.if_contains(name);
            return v ? std::string(v->as_string()) : std::string();
        };
        const auto n = w_.number_of(text("id"));
        if (!n) {
            continue;
        }
        auto& e = ends_[*n];
        const auto outcome = text("outcome");
        said_[*n] += " " + outcome + (text("reason").empty() ? "" : "(" + text("reason") + ")");
        if (o.contains("count")) {
            // Of those who were away from one crowd, and have not come.
            ++e.by_target["away from " + text("group") + text("destination")];
            e.not_come = e.not_come || outcome == "no_connection";
        } else if (outcome != "stored") {
            ++e.by_target[outcome == "summary" ? outcome : text("user") + "/" + text("alias")];
            e.delivered = e.delivered || outcome == "delivered";
        }
    }
}

void checker::receipts() {
    for (const auto& p : book_.pushes) {
        if (!p.receipt || p.excused) {
            continue;
        }
        const auto& e = ends_[p.number];
        // One target: one receipt. Several: a summary, and one for each that was kept or routed again.
        const bool twice = std::any_of(e.by_target.begin(), e.by_target.end(), [](const auto& t) { return t.second > 1; });
        const bool single = p.one_by_one() && p.targets() == 1;
        if (e.by_target.empty()) {
            fail("no receipt", p, "no final one");
        } else if (twice || (single && e.by_target.size() > 1)) {
            fail("two receipts", p, "one target has two final ones");
        }
        // An event counts as delivered once the kernel has it: HTTP has no pong.
        const bool anybody = std::any_of(book_.visits.begin(), book_.visits.end(), [&](const auto& v) {
            const auto it = v->pushes.find(p.number);
            return it != v->pushes.end() && (it->second.received >= 0 || (v->events && it->second.given >= 0));
        });
        if (e.delivered && !anybody) {
            fail("false receipt", p, "nobody has it");
        }
        const auto has_it = [&](const auto& d) {
            const char kind = d->user.empty() ? 'a' : 'u';
            const auto& name = d->user.empty() ? d->aliases.back() : d->user;
            const auto all = of(kind, name);
            return had(p, kind, name) || std::none_of(all.begin(), all.end(), [&](const visit* v) { return meant(p, *v); });
        };
        if (e.not_come && !book_.any_fault && w_.schedule_.histories.empty() &&
            std::all_of(w_.devices_.begin(), w_.devices_.end(), has_it)) {
            fail("false receipt", p, "all have it, and somebody is said not to have come for it");
        }
    }
}

/// What the app is told of a source's messages.
void checker::callbacks() {
    for (const auto& p : book_.pushes) {
        if (p.by != push::door::source || p.excused || p.removed) {
            continue;
        }
        const int times = book_.callbacks.contains(p.number) ? book_.callbacks[p.number] : 0;
        const bool confirmed = std::any_of(book_.visits.begin(), book_.visits.end(), [&](const auto& v) {
            const auto it = v->pushes.find(p.number);
            return it != v->pushes.end() && it->second.confirmed >= 0;
        });
        // A history is no delivery, and it is not known here whether the member got the push from it.
        const bool perhaps_history = !p.groups.empty() && !w_.schedule_.histories.empty();
        if (confirmed && times == 0 && !perhaps_history) {
            fail("no callback", p, "it was delivered, and the app was not told");
        }
        if (times > 1 && !book_.any_fault && !book_.app_hung) {
            fail("two callbacks", p, "the app was told " + std::to_string(times) + " times");
        }
    }
}

void checker::rejected() {
    const auto list = w_.current_->ask({"LRANGE", "w:rejected", "0", "-1"});
    for (const auto& line : list.items) {
        if (!book_.refused.empty() && line.text.find("nacked") != std::string::npos) {
            continue;  // its client has answered it with a NACK
        }
        w_.broken("rejected", line.text.substr(0, 200));
    }
}

/// presence:<user> is the living connections, no more and no fewer.
void checker::registry() {
    std::map<std::string, std::set<std::string>> living;
    for (const auto& d : w_.devices_) {
        if (!d->user.empty()) {
            living[d->user];
            if (d->now && d->now->open()) {
                living[d->user].insert(d->now->record->id);
            }
        }
    }
    for (const auto& [user, ids] : living) {
        std::set<std::string> there;
        for (const auto& id : w_.current_->ask({"HKEYS", "w:presence:" + user}).items) {
            there.insert(id.text);
        }
        for (const auto& id : there) {
            if (!ids.contains(id)) {
                w_.broken("ghost", user + " has " + id + " in the registry, and it has ended");
            }
        }
        for (const auto& id : ids) {
            if (!there.contains(id)) {
                w_.broken("unregistered", user + "'s " + id + " is connected and not in the registry");
            }
        }
    }
}

void checker::when_all_have_left() {
    const bool lossy = !book_.losses.empty();
    for (const auto& [id, t] : book_.events) {
        // What an instance could not tell Redis before it died, nobody else can know.
        const auto& deaths = book_.deaths[t.pod];
        const bool unknown = std::any_of(deaths.begin(), deaths.end(),
                                         [&, known = w_.well_from(t.at, *w_.pods_[static_cast<std::size_t>(t.pod)])](
                                             instant d) { return d >= t.at && d <= known && known > t.at; });
        if (t.connected && t.ends == 0 && !unknown && !(lossy && book_.any_kill)) {
            w_.broken("no end", "the app was told that " + id + " (d" + std::to_string(t.device) + " at pod" +
                                    std::to_string(t.pod) + ", " + std::to_string(t.at / ms) +
                                    " ms) is there, and never that it has gone");
        }
        if (t.ends > 0 && !t.asked && !book_.any_fault) {
            w_.broken("end without begin", id);
        }
    }
    for (const auto& v : book_.visits) {
        const auto it = book_.events.find(v->id);
        if (it == book_.events.end()) {
            continue;
        }
        const auto& t = it->second;
        if (t.first_end >= 0 && v->opened >= 0 &&
            (v->ended < 0 || v->ended > t.first_end + (6 + 2 * w_.schedule_.lease) * second)) {
            w_.broken("false end", v->id + " lives, and the app was told that it has gone");
        }
        // 1012 is for those whose instance ended, or stood still for so long that it was taken for dead.
        const auto troubled = book_.pod_troubles.contains(v->pod);
        if (v->close_code == 1012 && !troubled && !book_.any_kill) {
            w_.broken("closed for nothing", v->id + " at pod" + std::to_string(v->pod) + " was closed with 1012 at " +
                                                std::to_string(v->ended / ms) + " ms");
        }
    }
    // A push that has found its end is nowhere.
    for (const auto& name : w_.current_->data().names()) {
        if (name == "w:rejected" || name == "events" || name.starts_with("w:history:")) {
            continue;
        }
        const auto& data = w_.current_->data().find(name)->data;
        const auto holds = [&](const std::string& text) {
            if (const auto at = text.find("\"text\":\"p");
                at != std::string::npos && text.find("canary") == std::string::npos) {
                w_.broken("kept for ever", name + " holds " + text.substr(0, 200));
            }
        };
        if (const auto* list = std::get_if<list_value>(&data)) {
            std::for_each(list->begin(), list->end(), holds);
        } else if (const auto* zset = std::get_if<zset_value>(&data)) {
            for (const auto& [member, score] : zset->scores) {
                holds(member);
            }
        } else if (const auto* hash = std::get_if<hash_value>(&data)) {
            for (const auto& [field, text] : *hash) {
                holds(text);
            }
        } else if (const auto* stream = std::get_if<stream_value>(&data)) {
            for (const auto& [id, fields] : stream->entries) {
                std::for_each(fields.begin(), fields.end(), holds);
            }
        } else if (const auto* text = std::get_if<std::string>(&data)) {
            holds(*text);
        }
    }
    for (const auto& d : w_.devices_) {
        const auto left = w_.current_->ask({"HLEN", "w:presence:" + d->user});
        if (left.number != 0) {
            w_.broken("ghost", d->user + " has left, and the registry has " + std::to_string(left.number));
        }
    }
}

void checker::when_all_instances_have_left() {
    // What may stay: what concerns the data as a whole, what the app reads, and what ends by itself.
    static const std::set<std::string> whole{"w:config",        "w:epoch",       "w:order",        "w:rejected",
                                             "w:receipts",      "w:wide",        "events",         "w:stream:events",
                                             "w:history:sizes", "w:history:cut", "w:history:rules"};
    // The data of a shard as a whole. What another shard has taken stays in a queue until the next instance comes.
    const auto of_shard = [&](const std::string& name) {
        const bool other = name.starts_with("w::");
        const auto rest = name.substr(std::min<std::size_t>(other ? 5 : 2, name.size()));
        return w_.schedule_.shards > 1 && (rest.starts_with("shard:") || (other && whole.contains("w:" + rest)));
    };
    w_.current_->set_time(w_.now() / ms);
    for (const auto& name : w_.current_->data().names()) {
        const auto* v = w_.current_->data().find(name);
        const auto* list = v == nullptr ? nullptr : std::get_if<list_value>(&v->data);
        const bool canaries = list != nullptr && std::all_of(list->begin(), list->end(), [](const auto& e) {
                                  return e.find("canary:") != std::string::npos;
                              });
        if (v != nullptr && v->expires == 0 && !canaries && !whole.contains(name) && !of_shard(name)) {
            w_.broken("left in Redis", name + " " + reply(w_.current_->ask({"TYPE", name})).text);
        }
    }
    if (w_.current_->most_calls() > 3000) {
        w_.broken("long script",
                  w_.current_->most_calls_script() + " made " + std::to_string(w_.current_->most_calls()) + " calls");
    }
}

}  // namespace wsidecar::simulation
