// Lists.

#include "tests/simulation/redis_words.hpp"

namespace wsidecar::simulation {
namespace {

std::string take(list_value& l, bool left) {
    std::string out = std::move(left ? l.front() : l.back());
    left ? l.pop_front() : l.pop_back();
    return out;
}

reply push(redis_model& r, const words& w) {
    const auto name = upper(w[0]);
    bool wrong = false;
    const auto* there = read<list_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    if (name.ends_with("X") && !there) {
        return reply::integer(0);
    }
    auto& l = change<list_value>(r, w[1]);
    for (std::size_t i = 2; i < w.size(); ++i) {
        name[0] == 'L' ? l.push_front(w[i]) : l.push_back(w[i]);
    }
    return reply::integer(static_cast<std::int64_t>(l.size()));
}

reply pop(redis_model& r, const words& w) {
    const bool left = upper(w[0])[0] == 'L';
    bool wrong = false;
    const auto* there = read<list_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    const auto count = w.size() > 2 ? integer_in(w[2]) : 1;
    if (!count || *count < 0) {
        return reply::error("ERR value is out of range, must be positive");
    }
    if (!there) {
        return w.size() > 2 ? reply::nil_array() : reply::nil();
    }
    if (*count == 0) {
        return reply::array();
    }
    auto& l = change<list_value>(r, w[1]);
    std::vector<reply> out;
    for (std::int64_t i = 0; i < *count && !l.empty(); ++i) {
        out.push_back(reply::bulk(take(l, left)));
    }
    if (l.empty()) {
        r.keys().erase(w[1]);
    }
    return w.size() > 2 ? reply::array(std::move(out)) : out.front();
}

reply llen(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* l = read<list_value>(r, w[1], wrong);
    return wrong ? wrong_type() : reply::integer(l ? static_cast<std::int64_t>(l->size()) : 0);
}

reply lindex(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* l = read<list_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    auto i = integer_in(w[2]);
    if (!i) {
        return not_integer();
    }
    if (l && *i < 0) {
        *i += static_cast<std::int64_t>(l->size());
    }
    return l && *i >= 0 && *i < static_cast<std::int64_t>(l->size()) ? reply::bulk((*l)[static_cast<std::size_t>(*i)])
                                                                     : reply::nil();
}

reply lset(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* l = read<list_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    if (!l) {
        return reply::error("ERR no such key");
    }
    auto i = integer_in(w[2]);
    if (!i) {
        return not_integer();
    }
    *i += *i < 0 ? static_cast<std::int64_t>(l->size()) : 0;
    if (*i < 0 || *i >= static_cast<std::int64_t>(l->size())) {
        return reply::error("ERR index out of range");
    }
    change<list_value>(r, w[1])[static_cast<std::size_t>(*i)] = w[3];
    return reply::ok();
}

reply lrange(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* l = read<list_value>(r, w[1], wrong);
    const auto from = integer_in(w[2]), to = integer_in(w[3]);
    if (!from || !to) {
        return not_integer();
    }
    if (wrong) {
        return wrong_type();
    }
    std::vector<reply> out;
    if (l) {
        const auto [a, b] = range_of(*from, *to, static_cast<std::int64_t>(l->size()));
        for (auto i = a; i < b; ++i) {
            out.push_back(reply::bulk((*l)[static_cast<std::size_t>(i)]));
        }
    }
    return reply::array(std::move(out));
}

reply ltrim(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* there = read<list_value>(r, w[1], wrong);
    const auto from = integer_in(w[2]), to = integer_in(w[3]);
    if (!from || !to) {
        return not_integer();
    }
    if (wrong) {
        return wrong_type();
    }
    if (!there) {
        return reply::ok();
    }
    const auto [a, b] = range_of(*from, *to, static_cast<std::int64_t>(there->size()));
    if (a >= b) {
        r.keys().erase(w[1]);
    } else if (a > 0 || b < static_cast<std::int64_t>(there->size())) {
        auto& l = change<list_value>(r, w[1]);
        l.erase(l.begin() + b, l.end());
        l.erase(l.begin(), l.begin() + a);
    }
    return reply::ok();
}

reply lrem(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* there = read<list_value>(r, w[1], wrong);
    const auto count = integer_in(w[2]);
    if (!count) {
        return not_integer();
    }
    if (wrong) {
        return wrong_type();
    }
    if (!there || std::find(there->begin(), there->end(), w[3]) == there->end()) {
        return reply::integer(0);
    }
    auto& l = change<list_value>(r, w[1]);
    const auto most = *count == 0 ? static_cast<std::int64_t>(l.size()) : std::abs(*count);
    std::int64_t n = 0;
    while (n < most) {
        auto at = l.end();
        if (*count >= 0) {
            at = std::find(l.begin(), l.end(), w[3]);
        } else if (const auto back = std::find(l.rbegin(), l.rend(), w[3]); back != l.rend()) {
            at = std::prev(back.base());
        }
        if (at == l.end()) {
            break;
        }
        l.erase(at);
        ++n;
    }
    if (l.empty()) {
        r.keys().erase(w[1]);
    }
    return reply::integer(n);
}

reply linsert(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* there = read<list_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    if (!there) {
        return reply::integer(0);
    }
    if (std::find(there->begin(), there->end(), w[3]) == there->end()) {
        return reply::integer(-1);
    }
    auto& l = change<list_value>(r, w[1]);
    const auto at = std::find(l.begin(), l.end(), w[3]);
    l.insert(upper(w[2]) == "BEFORE" ? at : std::next(at), w[4]);
    return reply::integer(static_cast<std::int64_t>(l.size()));
}

/// LMOVE, and BLMOVE where it need not wait.
reply lmove(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* from = read<list_value>(r, w[1], wrong);
    if (!wrong && !from) {
        return reply::nil();
    }
    (void)read<list_value>(r, w[2], wrong);
    if (wrong) {
        return wrong_type();
    }
    auto& source = change<list_value>(r, w[1]);
    std::string e = take(source, upper(w[3]) == "LEFT");
    if (source.empty() && w[1] != w[2]) {
        r.keys().erase(w[1]);
    }
    auto& to = change<list_value>(r, w[2]);
    upper(w[4]) == "LEFT" ? to.push_front(e) : to.push_back(e);
    return reply::bulk(std::move(e));
}

reply rpoplpush(redis_model& r, const words& w) {
    return lmove(r, {"LMOVE", w[1], w[2], "RIGHT", "LEFT"});
}

/// BLPOP and BRPOP where they need not wait.
reply blocking_pop(redis_model& r, const words& w) {
    const std::string name = upper(w[0]).substr(1);
    for (std::size_t i = 1; i + 1 < w.size(); ++i) {
        reply e = pop(r, {name, w[i]});
        if (e.is_error()) {
            return e;
        }
        if (!e.is_nil()) {
            return reply::array({reply::bulk(w[i]), std::move(e)});
        }
    }
    return reply::nil_array();
}

}  // namespace

void add_list_commands(std::map<std::string, command_spec, std::less<>>& to) {
    for (const char* name : {"LPUSH", "RPUSH", "LPUSHX", "RPUSHX"}) {
        to[name] = {push, -3, writes | fills, 1, 1};
    }
    to["LPOP"] = {pop, -2, writes, 1, 1};
    to["RPOP"] = {pop, -2, writes, 1, 1};
    to["LLEN"] = {llen, 2, 0, 1, 1};
    to["LINDEX"] = {lindex, 3, 0, 1, 1};
    to["LSET"] = {lset, 4, writes | fills, 1, 1};
    to["LRANGE"] = {lrange, 4, 0, 1, 1};
    to["LTRIM"] = {ltrim, 4, writes, 1, 1};
    to["LREM"] = {lrem, 4, writes, 1, 1};
    to["LINSERT"] = {linsert, 5, writes | fills, 1, 1};
    to["LMOVE"] = {lmove, 5, writes | fills, 1, 2};
    to["BLMOVE"] = {lmove, 6, writes | fills | not_in_scripts, 1, 2};
    to["RPOPLPUSH"] = {rpoplpush, 3, writes | fills, 1, 2};
    to["BLPOP"] = {blocking_pop, -3, writes | not_in_scripts, 1, -2};
    to["BRPOP"] = {blocking_pop, -3, writes | not_in_scripts, 1, -2};
}

}  // namespace wsidecar::simulation
