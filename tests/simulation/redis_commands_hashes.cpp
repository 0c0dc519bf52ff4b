// Hashes and sets. Redis gives their members in an order of its own; here it is the alphabet's.

#include <iterator>

#include "tests/simulation/redis_words.hpp"

namespace wsidecar::simulation {
namespace {

template <class T>
void drop_if_empty(redis_model& r, const std::string& key, const T& container) {
    if (container.empty()) {
        r.keys().erase(key);
    }
}

reply hset(redis_model& r, const words& w) {
    if (w.size() % 2 != 0) {
        return reply::error("ERR wrong number of arguments for '" + w[0] + "' command");
    }
    bool wrong = false;
    (void)read<hash_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    auto& h = change<hash_value>(r, w[1]);
    std::int64_t n = 0;
    for (std::size_t i = 2; i < w.size(); i += 2) {
        n += h.insert_or_assign(w[i], w[i + 1]).second;
    }
    return upper(w[0]) == "HMSET" ? reply::ok() : reply::integer(n);
}

reply hsetnx(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* h = read<hash_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    if (h && h->contains(w[2])) {
        return reply::integer(0);
    }
    change<hash_value>(r, w[1])[w[2]] = w[3];
    return reply::integer(1);
}

reply hget(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* h = read<hash_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    const auto name = upper(w[0]);
    const auto it = h ? h->find(w[2]) : hash_value::const_iterator();
    const bool there = h && it != h->end();
    if (name == "HEXISTS") {
        return reply::integer(there);
    }
    if (name == "HSTRLEN") {
        return reply::integer(there ? static_cast<std::int64_t>(it->second.size()) : 0);
    }
    return there ? reply::bulk(it->second) : reply::nil();
}

reply hmget(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* h = read<hash_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    std::vector<reply> out;
    for (std::size_t i = 2; i < w.size(); ++i) {
        const auto it = h ? h->find(w[i]) : hash_value::const_iterator();
        out.push_back(h && it != h->end() ? reply::bulk(it->second) : reply::nil());
    }
    return reply::array(std::move(out));
}

reply hgetall(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* h = read<hash_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    const auto name = upper(w[0]);
    std::vector<reply> out;
    if (h) {
        for (const auto& [k, v] : *h) {
            if (name != "HVALS") {
                out.push_back(reply::bulk(k));
            }
            if (name != "HKEYS") {
                out.push_back(reply::bulk(v));
            }
        }
    }
    return name == "HSCAN" ? reply::array({reply::bulk("0"), reply::array(std::move(out))}) : reply::array(std::move(out));
}

reply hdel(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* there = read<hash_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    if (!there || std::none_of(w.begin() + 2, w.end(), [&](const auto& f) { return there->contains(f); })) {
        return reply::integer(0);
    }
    auto& h = change<hash_value>(r, w[1]);
    std::int64_t n = 0;
    for (std::size_t i = 2; i < w.size(); ++i) {
        n += static_cast<std::int64_t>(h.erase(w[i]));
    }
    drop_if_empty(r, w[1], h);
    return reply::integer(n);
}

reply hlen(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* h = read<hash_value>(r, w[1], wrong);
    return wrong ? wrong_type() : reply::integer(h ? static_cast<std::int64_t>(h->size()) : 0);
}

reply hincrby(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* h = read<hash_value>(r, w[1], wrong);
    const auto by = integer_in(w[3]);
    if (!by) {
        return not_integer();
    }
    if (wrong) {
        return wrong_type();
    }
    const auto it = h ? h->find(w[2]) : hash_value::const_iterator();
    const auto old = h && it != h->end() ? integer_in(it->second) : 0;
    if (!old) {
        return reply::error("ERR hash value is not an integer");
    }
    change<hash_value>(r, w[1])[w[2]] = std::to_string(*old + *by);
    return reply::integer(*old + *by);
}

// ---------------------------------------------------------------------------------------------------- sets

reply sadd(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* there = read<set_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    if (there && std::all_of(w.begin() + 2, w.end(), [&](const auto& m) { return there->contains(m); })) {
        return reply::integer(0);
    }
    auto& s = change<set_value>(r, w[1]);
    std::int64_t n = 0;
    for (std::size_t i = 2; i < w.size(); ++i) {
        n += s.insert(w[i]).second;
    }
    return reply::integer(n);
}

reply srem(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* there = read<set_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    if (!there || std::none_of(w.begin() + 2, w.end(), [&](const auto& m) { return there->contains(m); })) {
        return reply::integer(0);
    }
    auto& s = change<set_value>(r, w[1]);
    std::int64_t n = 0;
    for (std::size_t i = 2; i < w.size(); ++i) {
        n += static_cast<std::int64_t>(s.erase(w[i]));
    }
    drop_if_empty(r, w[1], s);
    return reply::integer(n);
}

reply spop(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* there = read<set_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    const auto count = w.size() > 2 ? integer_in(w[2]) : 1;
    if (!count || *count < 0) {
        return reply::error("ERR value is out of range, must be positive");
    }
    if (!there || *count == 0) {
        return w.size() > 2 ? reply::array() : reply::nil();
    }
    auto& s = change<set_value>(r, w[1]);
    std::vector<reply> out;
    for (std::int64_t i = 0; i < *count && !s.empty(); ++i) {
        const auto at = std::next(s.begin(), static_cast<std::ptrdiff_t>(r.random(s.size())));
        out.push_back(reply::bulk(*at));
        s.erase(at);
    }
    drop_if_empty(r, w[1], s);
    return w.size() > 2 ? reply::array(std::move(out)) : out.front();
}

reply srandmember(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* s = read<set_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    const auto count = w.size() > 2 ? integer_in(w[2]) : 1;
    if (!count) {
        return not_integer();
    }
    if (!s) {
        return w.size() > 2 ? reply::array() : reply::nil();
    }
    std::vector<reply> out;
    auto left = *s;
    for (std::int64_t i = 0; i < std::abs(*count) && !left.empty(); ++i) {
        const auto at = std::next(left.begin(), static_cast<std::ptrdiff_t>(r.random(left.size())));
        out.push_back(reply::bulk(*at));
        if (*count > 0) {
            left.erase(at);
        }
    }
    return w.size() > 2 ? reply::array(std::move(out)) : out.front();
}

reply smembers(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* s = read<set_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    std::vector<reply> out;
    for (const auto& m : s ? *s : set_value()) {
        out.push_back(reply::bulk(m));
    }
    return upper(w[0]) == "SSCAN" ? reply::array({reply::bulk("0"), reply::array(std::move(out))})
                                  : reply::array(std::move(out));
}

reply sismember(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* s = read<set_value>(r, w[1], wrong);
    return wrong ? wrong_type() : reply::integer(s && s->contains(w[2]));
}

reply smismember(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* s = read<set_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    std::vector<reply> out;
    for (std::size_t i = 2; i < w.size(); ++i) {
        out.push_back(reply::integer(s && s->contains(w[i])));
    }
    return reply::array(std::move(out));
}

reply scard(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* s = read<set_value>(r, w[1], wrong);
    return wrong ? wrong_type() : reply::integer(s ? static_cast<std::int64_t>(s->size()) : 0);
}

reply smove(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* from = read<set_value>(r, w[1], wrong);
    if (r.keys().find(w[1]) == nullptr) {
        return reply::integer(0);
    }
    (void)read<set_value>(r, w[2], wrong);
    if (wrong) {
        return wrong_type();
    }
    if (!from || !from->contains(w[3])) {
        return reply::integer(0);
    }
    (void)srem(r, {"SREM", w[1], w[3]});
    (void)sadd(r, {"SADD", w[2], w[3]});
    return reply::integer(1);
}

reply combine(redis_model& r, const words& w) {
    const auto name = upper(w[0]);
    set_value all;
    for (std::size_t i = 1; i < w.size(); ++i) {
        bool wrong = false;
        const auto* s = read<set_value>(r, w[i], wrong);
        if (wrong) {
            return wrong_type();
        }
        const set_value none;
        const set_value& other = s ? *s : none;
        if (i == 1 || name == "SUNION") {
            all.insert(other.begin(), other.end());
        } else {
            std::erase_if(all, [&](const auto& m) { return other.contains(m) != (name == "SINTER"); });
        }
    }
    std::vector<reply> out;
    for (const auto& m : all) {
        out.push_back(reply::bulk(m));
    }
    return reply::array(std::move(out));
}

}  // namespace

void add_hash_commands(std::map<std::string, command_spec, std::less<>>& to) {
    to["HSET"] = {hset, -4, writes | fills, 1, 1};
    to["HMSET"] = {hset, -4, writes | fills, 1, 1};
    to["HSETNX"] = {hsetnx, 4, writes | fills, 1, 1};
    to["HGET"] = {hget, 3, 0, 1, 1};
    to["HEXISTS"] = {hget, 3, 0, 1, 1};
    to["HSTRLEN"] = {hget, 3, 0, 1, 1};
    to["HMGET"] = {hmget, -3, 0, 1, 1};
    to["HGETALL"] = {hgetall, 2, 0, 1, 1};
    to["HKEYS"] = {hgetall, 2, 0, 1, 1};
    to["HVALS"] = {hgetall, 2, 0, 1, 1};
    to["HSCAN"] = {hgetall, -3, 0, 1, 1};
    to["HDEL"] = {hdel, -3, writes, 1, 1};
    to["HLEN"] = {hlen, 2, 0, 1, 1};
    to["HINCRBY"] = {hincrby, 4, writes | fills, 1, 1};
    to["SADD"] = {sadd, -3, writes | fills, 1, 1};
    to["SREM"] = {srem, -3, writes, 1, 1};
    to["SPOP"] = {spop, -2, writes, 1, 1};
    to["SRANDMEMBER"] = {srandmember, -2, 0, 1, 1};
    to["SMEMBERS"] = {smembers, 2, 0, 1, 1};
    to["SSCAN"] = {smembers, -3, 0, 1, 1};
    to["SISMEMBER"] = {sismember, 3, 0, 1, 1};
    to["SMISMEMBER"] = {smismember, -3, 0, 1, 1};
    to["SCARD"] = {scard, 2, 0, 1, 1};
    to["SMOVE"] = {smove, 4, writes, 1, 2};
    to["SUNION"] = {combine, -2, 0, 1, -1};
    to["SINTER"] = {combine, -2, 0, 1, -1};
    to["SDIFF"] = {combine, -2, 0, 1, -1};
}

}  // namespace wsidecar::simulation
