// Consumer groups of streams. XREADGROUP never waits: those who wait do so with XREAD.

#include "tests/simulation/redis_stream_words.hpp"

namespace wsidecar::simulation {
namespace {

reply no_group(const std::string& key, const std::string& group) {
    return reply::error("NOGROUP No such key '" + key + "' or consumer group '" + group + "'");
}

const stream_group* group_in(const stream_value* s, const std::string& name) {
    const auto it = s == nullptr ? decltype(s->groups.end())() : s->groups.find(name);
    return s == nullptr || it == s->groups.end() ? nullptr : &it->second;
}

/// XGROUP CREATE key group id [MKSTREAM], XGROUP SETID key group id, XGROUP DESTROY key group.
reply xgroup(redis_model& r, const words& w) {
    const auto sub = upper(w[1]);
    const bool create = sub == "CREATE";
    if (w.size() < (sub == "DESTROY" ? 4U : 5U)) {
        return reply::error("ERR unknown subcommand or wrong number of arguments");
    }
    const bool make = create && w.size() > 5 && upper(w[5]) == "MKSTREAM";
    if (w.size() > (make ? 6U : sub == "DESTROY" ? 4U : 5U)) {
        return reply::error("ERR unknown subcommand or wrong number of arguments");
    }
    bool wrong = false;
    const auto* s = read<stream_value>(r, w[2], wrong);
    if (wrong) {
        return wrong_type();
    }
    if (s == nullptr && !make) {
        return reply::error("ERR The XGROUP subcommand requires the key to exist.");
    }
    if (sub == "DESTROY") {
        return reply::integer(group_in(s, w[3]) != nullptr && change<stream_value>(r, w[2]).groups.erase(w[3]) > 0);
    }
    const bool there = group_in(s, w[3]) != nullptr;
    if (sub == "SETID" && !there) {
        return no_group(w[2], w[3]);
    }
    const auto id = w[4] == "$" ? std::optional(s ? s->last : stream_id{}) : id_in(w[4], 0);
    if (!id) {
        return bad_id();
    }
    if (create && there) {
        return reply::error("BUSYGROUP Consumer Group name already exists");
    }
    change<stream_value>(r, w[2]).groups[w[3]].last = *id;
    return reply::ok();
}

/// Of a stream's new entries; each is then pending.
std::vector<reply> read_new(redis_model& r, const std::string& key, const std::string& name, const std::string& consumer,
                            std::int64_t count) {
    bool wrong = false;
    const auto* there = read<stream_value>(r, key, wrong);
    std::vector<reply> out;
    if (there->entries.upper_bound(group_in(there, name)->last) == there->entries.end()) {
        return out;
    }
    auto& s = change<stream_value>(r, key);
    auto& group = s.groups[name];
    for (auto it = s.entries.upper_bound(group.last);
         it != s.entries.end() && (count <= 0 || static_cast<std::int64_t>(out.size()) < count); ++it) {
        out.push_back(entry_of(*it));
        group.last = it->first;
        group.unacknowledged[it->first] = {consumer, r.clock(), 1};
    }
    return out;
}

/// What this consumer has read behind `id` and not acknowledged.
std::vector<reply> read_again(redis_model& r, const std::string& key, const std::string& name, const std::string& consumer,
                              stream_id id, std::int64_t count) {
    auto& s = change<stream_value>(r, key);
    std::vector<reply> out;
    auto& all = s.groups[name].unacknowledged;
    for (auto it = all.upper_bound(id); it != all.end() && (count <= 0 || static_cast<std::int64_t>(out.size()) < count);
         ++it) {
        if (it->second.consumer != consumer) {
            continue;
        }
        const auto entry = s.entries.find(it->first);
        if (entry == s.entries.end()) {
            out.push_back(reply::array({reply::bulk(it->first.text()), reply::nil()}));
        } else {
            out.push_back(entry_of(*entry));
            ++it->second.times;
            it->second.delivered = r.clock();
        }
    }
    return out;
}

/// XREADGROUP GROUP group consumer [COUNT n] STREAMS key ... id ...
reply xreadgroup(redis_model& r, const words& w) {
    std::int64_t count = 0;
    std::size_t i = 4;
    for (; i < w.size() && upper(w[i]) != "STREAMS"; i += 2) {
        const auto n = i + 1 < w.size() ? integer_in(w[i + 1]) : std::nullopt;
        if (upper(w[i]) != "COUNT" || !n) {
            return syntax_error();
        }
        count = *n;
    }
    const std::size_t n = i >= w.size() ? 0 : w.size() - i - 1;
    if (upper(w[1]) != "GROUP" || n == 0 || n % 2 != 0) {
        return reply::error("ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified.");
    }
    std::vector<std::optional<stream_id>> from;
    for (std::size_t k = 0; k < n / 2; ++k) {
        const auto& key = w[i + 1 + k];
        const auto& text = w[i + 1 + n / 2 + k];
        bool wrong = false;
        const auto* s = read<stream_value>(r, key, wrong);
        if (wrong) {
            return wrong_type();
        }
        if (group_in(s, w[2]) == nullptr) {
            return no_group(key, w[2]);
        }
        from.push_back(text == ">" ? std::nullopt : id_in(text, 0));
        if (text != ">" && !from.back()) {
            return bad_id();
        }
    }
    std::vector<reply> out;
    for (std::size_t k = 0; k < n / 2; ++k) {
        const auto& key = w[i + 1 + k];
        auto entries = from[k] ? read_again(r, key, w[2], w[3], *from[k], count) : read_new(r, key, w[2], w[3], count);
        if (from[k] || !entries.empty()) {
            out.push_back(reply::array({reply::bulk(key), reply::array(std::move(entries))}));
        }
    }
    return out.empty() ? reply::nil_array() : reply::array(std::move(out));
}

reply xack(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* s = read<stream_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    const auto* group = group_in(s, w[2]);
    if (group == nullptr) {
        return reply::integer(0);
    }
    const auto ids = ids_in(w, 3);
    if (!ids) {
        return bad_id();
    }
    std::int64_t n = 0;
    if (std::any_of(ids->begin(), ids->end(), [&](const auto& id) { return group->unacknowledged.contains(id); })) {
        auto& all = change<stream_value>(r, w[1]).groups[w[2]].unacknowledged;
        for (const auto& id : *ids) {
            n += static_cast<std::int64_t>(all.erase(id));
        }
    }
    return reply::integer(n);
}

/// XPENDING key group, in all or from, to, how many (of one consumer).
reply xpending(redis_model& r, const words& w) {
    const bool all = w.size() == 3;
    if (!all && w.size() != 6 && w.size() != 7) {
        return syntax_error();
    }
    const auto count = all ? std::optional<std::int64_t>(0) : integer_in(w[5]);
    if (!count) {
        return not_integer();
    }
    const auto from = all ? std::optional(stream_id{}) : limit_in(w[3], true);
    const auto to = all ? std::optional(last_stream_id) : limit_in(w[4], false);
    if (!from || !to) {
        return bad_id();
    }
    bool wrong = false;
    const auto* s = read<stream_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    const auto* group = group_in(s, w[2]);
    if (group == nullptr) {
        return no_group(w[1], w[2]);
    }
    const auto& pending = group->unacknowledged;
    if (all) {
        if (pending.empty()) {
            return reply::array({reply::integer(0), reply::nil(), reply::nil(), reply::nil()});
        }
        std::map<std::string, std::int64_t> by_consumer;
        for (const auto& [id, p] : pending) {
            ++by_consumer[p.consumer];
        }
        std::vector<reply> consumers;
        for (const auto& [name, n] : by_consumer) {
            consumers.push_back(reply::array({reply::bulk(name), reply::bulk(std::to_string(n))}));
        }
        return reply::array({reply::integer(static_cast<std::int64_t>(pending.size())),
                             reply::bulk(pending.begin()->first.text()), reply::bulk(pending.rbegin()->first.text()),
                             reply::array(std::move(consumers))});
    }
    std::vector<reply> out;
    for (auto it = pending.lower_bound(*from);
         it != pending.end() && it->first <= *to && static_cast<std::int64_t>(out.size()) < *count; ++it) {
        if (w.size() < 7 || w[6] == it->second.consumer) {
            out.push_back(reply::array({reply::bulk(it->first.text()), reply::bulk(it->second.consumer),
                                        reply::integer(r.clock() - it->second.delivered), reply::integer(it->second.times)}));
        }
    }
    return reply::array(std::move(out));
}

}  // namespace

void add_group_commands(std::map<std::string, command_spec, std::less<>>& to) {
    to["XGROUP"] = {xgroup, -4, writes | fills, 2, 2};
    to["XREADGROUP"] = {xreadgroup, -7, writes, 0, 0};
    to["XACK"] = {xack, -4, writes, 1, 1};
    to["XPENDING"] = {xpending, -3, 0, 1, 1};
}

}  // namespace wsidecar::simulation
