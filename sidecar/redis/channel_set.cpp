#include "sidecar/redis/channel_set.hpp"

#include <algorithm>
#include <utility>

namespace wsidecar::redis {
namespace {

constexpr std::size_t channels_at_once = 500;  ///< in one SUBSCRIBE: others' commands get in between

}  // namespace

bool channel_set::is_pattern(std::string_view name) const {
    return std::find(patterns_.begin(), patterns_.end(), name) != patterns_.end();
}

void channel_set::add(const std::string& name) {
    channel& c = entry_of(channels_, name).second;
    if (c.users == 0) {
        c.users = 1;
        if (link_.up()) {
            ++c.unconfirmed;
            subscribe({name});
        }
    }
}

void channel_set::want(const std::string& connection, const std::vector<std::string>& names, std::function<void()> done) {
    auto& held = entry_of(held_, connection).second;
    const auto before = std::move(held);
    held.clear();
    const auto wait = std::make_shared<waiter>();
    std::vector<std::string> fresh;
    for (const auto& name : names) {
        auto& entry = entry_of(channels_, name);
        held.push_back(&entry);
        channel& c = entry.second;
        if (++c.users == 1 && link_.up()) {
            ++c.unconfirmed;
            fresh.push_back(name);
        }
        if (c.unconfirmed > 0) {
            if (!c.waiting) {
                c.waiting = std::make_unique<std::vector<std::shared_ptr<waiter>>>();
            }
            c.waiting->push_back(wait);
            ++wait->missing;
        }
    }
    held.shrink_to_fit();
    subscribe(fresh);
    for (auto* c : before) {
        release(*c);
    }
    if (wait->missing == 0) {
        done();
    } else {
        wait->done = std::move(done);
    }
}

void channel_set::drop(const std::string& connection) {
    const auto it = held_.find(connection);
    if (it == held_.end()) {
        return;
    }
    const auto before = std::move(it->second);
    held_.erase(it);
    for (auto* c : before) {
        release(*c);
    }
}

void channel_set::release(channels::value_type& entry) {
    channel& c = entry.second;
    if (--c.users > 0) {
        return;
    }
    if (link_.up()) {
        const char* command = is_pattern(entry.first) ? "PUNSUBSCRIBE" : config_.redis.sharded ? "SUNSUBSCRIBE" : "UNSUBSCRIBE";
        link_.send({command, entry.first.str()});
    }
    if (c.unconfirmed == 0) {
        channels_.erase(channels_.find(entry.first));
    }
}

void channel_set::subscribe(const std::vector<std::string>& names) {
    std::vector<std::string> patterns{"PSUBSCRIBE"};
    std::vector<std::string> words;
    const auto send = [this](std::vector<std::string>& some) {
        if (some.size() > 1) {
            link_.send(some);
        }
        some.clear();
    };
    for (const auto& name : names) {
        if (is_pattern(name)) {
            patterns.push_back(name);
            continue;
        }
        if (words.empty()) {
            words.emplace_back(config_.redis.sharded ? "SSUBSCRIBE" : "SUBSCRIBE");
        }
        words.push_back(name);
        if (words.size() > channels_at_once) {
            send(words);
        }
    }
    send(words);
    send(patterns);
}

void channel_set::on_up() {
    std::vector<std::string> all;
    for (auto it = channels_.begin(); it != channels_.end();) {
        if (it->second.users == 0) {
            it = channels_.erase(it);
            continue;
        }
        it->second.unconfirmed = 1;
        all.push_back(it->first.str());
        ++it;
    }
    subscribe(all);
}

void channel_set::on_down() {
    std::vector<std::shared_ptr<waiter>> waiting;
    for (auto& [name, c] : channels_) {
        c.unconfirmed = 0;
        if (const auto here = std::move(c.waiting)) {
            waiting.insert(waiting.end(), here->begin(), here->end());
        }
    }
    for (const auto& w : waiting) {
        if (w->done) {
            std::exchange(w->done, nullptr)();
        }
    }
}

void channel_set::on_confirmed(std::string_view name) {
    const auto it = channels_.find(name);
    if (it == channels_.end()) {
        return;
    }
    channel& c = it->second;
    if (c.unconfirmed > 0 && --c.unconfirmed > 0) {
        return;
    }
    const auto waiting = std::move(c.waiting);
    if (c.users == 0) {
        channels_.erase(it);
    }
    if (!waiting) {
        return;
    }
    for (const auto& w : *waiting) {
        if (--w->missing == 0 && w->done) {
            std::exchange(w->done, nullptr)();
        }
    }
}

bool channel_set::retry() {
    std::vector<std::string> missing;
    for (auto& [name, c] : channels_) {
        if (c.unconfirmed > 0) {
            c.unconfirmed = 1;
            missing.push_back(name.str());
        }
    }
    subscribe(missing);
    return !missing.empty();
}

bool channel_set::is_confirmed(std::string_view name) const {
    const auto it = channels_.find(name);
    return it != channels_.end() && it->second.users > 0 && it->second.unconfirmed == 0;
}

}  // namespace wsidecar::redis
