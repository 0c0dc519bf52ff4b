// world: what only some schedules have. An app that writes to a stream; people who ask for what was pushed before they came.

#include <algorithm>

#include "tests/simulation/world.hpp"

namespace wsidecar::simulation {
namespace {

constexpr const char* stream_key = "events";

}  // namespace

// ------------------------------------------------------------------------------------------------------- streams

/// Up to which id all of the stream is routed, as Redis has it.
stream_id world::routed_in_stream() {
    const reply r = current_->ask({"HGET", "w:stream:events", "routed"});
    const auto dash = r.text.find('-');
    return dash == std::string::npos ? stream_id{} : stream_id{std::stoull(r.text), std::stoull(r.text.substr(dash + 1))};
}

/// A command of the app's, and what it takes out of the stream before that was routed.
reply world::change_stream(const words& command) {
    current_->set_time(now() / ms);
    const stream_id routed = routed_in_stream();
    const reply r = current_->ask(command);
    if (options_.trace) {
        note(command[0] + " " + command.back() + " -> " + r.describe());
    }
    const auto* there = current_->data().find(stream_key);
    const auto* s = there == nullptr ? nullptr : std::get_if<stream_value>(&there->data);
    const auto it = s == nullptr ? decltype(s->groups.end())() : s->groups.find("w");
    const auto* group = s == nullptr || it == s->groups.end() ? nullptr : &it->second;
    for (auto& p : book_.pushes) {
        if (p.entry && !p.excused && *p.entry > routed && (s == nullptr || !s->entries.contains(*p.entry))) {
            p.unread = p.unread || (!p.removed && (group == nullptr || *p.entry > group->last));
            p.removed = true;
        }
    }
    return r;
}

void world::push_by_stream(const action& a) {
    if (outage_) {
        return;
    }
    for (auto n = a.a % 4 == 0 ? 2 + a.a / 4 % 5 : 1; n > 0; --n) {
        push p;
        p.number = static_cast<std::uint32_t>(book_.pushes.size());
        p.by = push::door::source;
        p.at = now();
        const std::string number = std::to_string(p.number), text = "p" + number;
        const auto which = a.b + n;
        std::string name;
        if (schedule_.stream_to_groups) {
            p.groups = {which % 2 == 0 ? "g1" : "g2"};
            name = p.groups[0];
        } else {
            static const char* const users[] = {"alice", "bob", "carol", "dave"};
            p.users = {users[which % 4]};
            name = p.users[0];
        }
        const std::string kind = schedule_.stream_to_groups ? "group" : "user";
        words command{"XADD", stream_key};
        if (a.c % 3 == 0) {
            command.insert(command.end(), {"MAXLEN", std::to_string(1 + a.c / 3 % 5)});
        }
        command.emplace_back("*");
        if (schedule_.stream == schedule::stream_form::fields) {
            command.insert(command.end(), {kind, name, "text", text, "id", number});
        } else {
            command.emplace_back("payload");
            command.push_back("{\"" + kind + "\":\"" + name + R"(","text":")" + text + R"(","id":)" + number + "}");
        }
        p.size = 170;  // as an envelope, with what the app is told
        const reply r = change_stream(command);
        if (r.is != reply::kind::bulk) {
            return;
        }
        p.entry = stream_id{std::stoull(r.text), std::stoull(r.text.substr(r.text.find('-') + 1))};
        p.write = current_->data().writes();
        book_.pushes.push_back(std::move(p));
    }
}

void world::trim_stream(const action& a) {
    if (outage_) {
        return;
    }
    const push* last = nullptr;
    for (const auto& p : book_.pushes) {
        last = p.entry ? &p : last;
    }
    if (a.a % 2 == 0 && last != nullptr) {
        (void)change_stream({"XDEL", stream_key, last->entry->text()});
    } else {
        (void)change_stream({"XTRIM", stream_key, "MAXLEN", std::to_string(a.b % 4)});
    }
}

// ------------------------------------------------------------------------------------------------------ histories

/// Of how many of the latest pushes to a name this connection is told as it joins: the same when it is asked again. 0: of none.
std::uint32_t world::wish_of(const std::string& connection, const std::string& target, const std::string& event) {
    if (schedule_.histories.empty()) {
        return 0;
    }
    auto& all = book_.wishes[connection];
    if (const auto it = all.find(target); it != all.end()) {
        return it->second.event == event ? it->second.count : 0;
    }
    const auto n = wishes_.once_in(3) ? 0U : static_cast<std::uint32_t>(wishes_.between(1, 8));
    all[target] = {n, now(), event};
    return n;
}

/// Somebody who was not there comes, and goes again.
void world::newcomer(const action& a) {
    device& d = *devices_[newcomers_ + a.a % (devices_.size() - newcomers_)];
    d.wants = !d.now;
    if (d.now) {
        d.now->cut(false, 1000);
    } else {
        dial(d);
    }
}

}  // namespace wsidecar::simulation
