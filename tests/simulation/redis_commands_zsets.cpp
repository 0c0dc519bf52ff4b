// Sorted sets.

#include "tests/simulation/redis_words.hpp"

namespace wsidecar::simulation {
namespace {

using ordered = std::vector<std::pair<double, std::string>>;

void put_score(zset_value& z, const std::string& member, double score) {
    if (const auto it = z.scores.find(member); it != z.scores.end()) {
        z.order.erase({it->second, member});
        it->second = score;
    } else {
        z.scores.emplace(member, score);
    }
    z.order.emplace(score, member);
}

void take_out(redis_model& r, const std::string& key, const ordered& which) {
    auto& z = change<zset_value>(r, key);
    for (const auto& [score, member] : which) {
        z.order.erase({score, member});
        z.scores.erase(member);
    }
    if (z.scores.empty()) {
        r.keys().erase(key);
    }
}

std::vector<reply> listed(const ordered& all, bool scores) {
    std::vector<reply> out;
    for (const auto& [score, member] : all) {
        out.push_back(reply::bulk(member));
        if (scores) {
            out.push_back(reply::number_text(score));
        }
    }
    return out;
}

reply zadd(redis_model& r, const words& w) {
    bool nx = false, xx = false, lt = false, gt = false, ch = false, incr = false;
    std::size_t i = 2;
    for (; i < w.size(); ++i) {
        const auto o = upper(w[i]);
        bool* const flag = o == "NX"     ? &nx
                           : o == "XX"   ? &xx
                           : o == "LT"   ? &lt
                           : o == "GT"   ? &gt
                           : o == "CH"   ? &ch
                           : o == "INCR" ? &incr
                                         : nullptr;
        if (!flag) {
            break;
        }
        *flag = true;
    }
    if (i >= w.size() || (w.size() - i) % 2 != 0) {
        return syntax_error();
    }
    if ((nx && xx) || (gt && lt) || (nx && (gt || lt))) {
        return reply::error("ERR GT, LT, and/or NX options at the same time are not compatible");
    }
    std::vector<double> scores;
    for (std::size_t k = i; k < w.size(); k += 2) {
        const auto d = double_in(w[k]);
        if (!d) {
            return not_float();
        }
        scores.push_back(*d);
    }
    bool wrong = false;
    const auto* there = read<zset_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    if (xx && !there) {
        return incr ? reply::nil() : reply::integer(0);
    }
    auto& z = change<zset_value>(r, w[1]);
    std::int64_t added = 0, changed = 0;
    reply last = reply::nil();
    for (std::size_t k = 0; k < scores.size(); ++k) {
        const auto& member = w[i + 2 * k + 1];
        const auto it = z.scores.find(member);
        const bool old = it != z.scores.end();
        double score = scores[k] + (incr && old ? it->second : 0);
        if ((old && nx) || (!old && xx) || (old && ((lt && score >= it->second) || (gt && score <= it->second)))) {
            continue;
        }
        added += !old;
        changed += old && it->second != score;
        put_score(z, member, score);
        last = reply::number_text(score);
    }
    return incr ? last : reply::integer(ch ? added + changed : added);
}

reply zincrby(redis_model& r, const words& w) {
    return zadd(r, {"ZADD", w[1], "INCR", w[2], w[3]});
}

reply zrem(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* z = read<zset_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    std::map<std::string, double> which;
    for (std::size_t i = 2; z && i < w.size(); ++i) {
        if (const auto it = z->scores.find(w[i]); it != z->scores.end()) {
            which.insert(*it);
        }
    }
    ordered all;
    for (const auto& [member, score] : which) {
        all.emplace_back(score, member);
    }
    if (!all.empty()) {
        take_out(r, w[1], all);
    }
    return reply::integer(static_cast<std::int64_t>(all.size()));
}

reply zcard(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* z = read<zset_value>(r, w[1], wrong);
    return wrong ? wrong_type() : reply::integer(z ? static_cast<std::int64_t>(z->scores.size()) : 0);
}

reply zscore(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* z = read<zset_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    std::vector<reply> out;
    for (std::size_t i = 2; i < w.size(); ++i) {
        const auto it = z ? z->scores.find(w[i]) : decltype(z->scores.end())();
        out.push_back(z && it != z->scores.end() ? reply::number_text(it->second) : reply::nil());
    }
    return upper(w[0]) == "ZMSCORE" ? reply::array(std::move(out)) : out.front();
}

reply zrank(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* z = read<zset_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    const auto it = z ? z->scores.find(w[2]) : decltype(z->scores.end())();
    if (!z || it == z->scores.end()) {
        return reply::nil();
    }
    const auto at = std::distance(z->order.begin(), z->order.find({it->second, w[2]}));
    return reply::integer(upper(w[0]) == "ZRANK" ? at : static_cast<std::int64_t>(z->order.size()) - 1 - at);
}

struct limit {
    double at;
    bool open;
};

std::optional<limit> limit_in(const std::string& s) {
    const bool open = s.starts_with('(');
    const auto d = double_in(open ? s.substr(1) : s);
    return d ? std::optional(limit{*d, open}) : std::nullopt;
}

bool below(const std::string& limit, const std::string& member, bool lower) {
    if (limit == "-" || limit == "+") {
        return (limit == "-") == lower;
    }
    const auto bare = limit.substr(1);
    return lower ? (limit[0] == '[' ? member >= bare : member > bare) : (limit[0] == '[' ? member <= bare : member < bare);
}

enum class by { rank, score, lex };

/// Those between `from` and `to`, as the three kinds of range mean it.
std::optional<ordered> between(const zset_value& z, const std::string& from, const std::string& to, by how, reply& problem) {
    ordered out;
    if (how == by::rank) {
        const auto a = integer_in(from), b = integer_in(to);
        if (!a || !b) {
            problem = not_integer();
            return std::nullopt;
        }
        const auto [first, end] = range_of(*a, *b, static_cast<std::int64_t>(z.order.size()));
        auto it = z.order.begin();
        std::advance(it, std::min<std::int64_t>(first, static_cast<std::int64_t>(z.order.size())));
        for (auto i = first; i < end; ++i) {
            out.push_back(*it++);
        }
        return out;
    }
    if (how == by::lex) {
        for (const auto& e : z.order) {
            if (below(from, e.second, true) && below(to, e.second, false)) {
                out.push_back(e);
            }
        }
        return out;
    }
    const auto a = limit_in(from), b = limit_in(to);
    if (!a || !b) {
        problem = reply::error("ERR min or max is not a float");
        return std::nullopt;
    }
    for (const auto& e : z.order) {
        if ((a->open ? e.first > a->at : e.first >= a->at) && (b->open ? e.first < b->at : e.first <= b->at)) {
            out.push_back(e);
        }
    }
    return out;
}

reply range(redis_model& r, const words& w) {
    const auto name = upper(w[0]);
    by how = name.find("BYSCORE") != std::string::npos ? by::score
             : name.find("BYLEX") != std::string::npos ? by::lex
                                                       : by::rank;
    bool reverse = name.starts_with("ZREV"), scores = false;
    std::int64_t skip = 0, most = -1;
    for (std::size_t i = 4; i < w.size(); ++i) {
        const auto o = upper(w[i]);
        if (o == "WITHSCORES") {
            scores = true;
        } else if (o == "BYSCORE" && name == "ZRANGE") {
            how = by::score;
        } else if (o == "BYLEX" && name == "ZRANGE") {
            how = by::lex;
        } else if (o == "REV" && name == "ZRANGE") {
            reverse = true;
        } else if (o == "LIMIT" && i + 2 < w.size()) {
            skip = integer_in(w[i + 1]).value_or(0);
            most = integer_in(w[i + 2]).value_or(-1);
            i += 2;
        } else {
            return syntax_error();
        }
    }
    bool wrong = false;
    const auto* z = read<zset_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    const bool swapped = reverse && how != by::rank;
    reply problem;
    ordered all;
    if (how == by::rank && reverse) {
        const auto n = z ? static_cast<std::int64_t>(z->order.size()) : 0;
        const auto a = integer_in(w[2]), b = integer_in(w[3]);
        if (!a || !b) {
            return not_integer();
        }
        const auto [first, end] = range_of(*a, *b, n);
        for (auto i = first; z && i < end; ++i) {
            all.push_back(*std::prev(z->order.end(), i + 1));
        }
    } else {
        const zset_value none;
        auto found = between(z ? *z : none, w[swapped ? 3 : 2], w[swapped ? 2 : 3], how, problem);
        if (!found) {
            return problem;
        }
        all = std::move(*found);
        if (reverse) {
            std::reverse(all.begin(), all.end());
        }
    }
    ordered some;
    for (std::size_t i = static_cast<std::size_t>(std::max<std::int64_t>(skip, 0)); i < all.size() && most != 0; ++i, --most) {
        some.push_back(std::move(all[i]));
    }
    return reply::array(listed(some, scores));
}

reply zcount(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* z = read<zset_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    reply problem;
    const zset_value none;
    const auto found = between(z ? *z : none, w[2], w[3], by::score, problem);
    return found ? reply::integer(static_cast<std::int64_t>(found->size())) : problem;
}

reply remove_range(redis_model& r, const words& w) {
    const auto name = upper(w[0]);
    const by how = name.ends_with("SCORE") ? by::score : name.ends_with("LEX") ? by::lex : by::rank;
    bool wrong = false;
    const auto* z = read<zset_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    reply problem;
    const zset_value none;
    const auto found = between(z ? *z : none, w[2], w[3], how, problem);
    if (!found) {
        return problem;
    }
    if (!found->empty()) {
        take_out(r, w[1], *found);
    }
    return reply::integer(static_cast<std::int64_t>(found->size()));
}

reply zpop(redis_model& r, const words& w) {
    const bool least = upper(w[0]) == "ZPOPMIN";
    bool wrong = false;
    const auto* z = read<zset_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    const auto count = w.size() > 2 ? integer_in(w[2]) : 1;
    if (!count || *count < 0) {
        return reply::error("ERR value is out of range, must be positive");
    }
    ordered some;
    if (z) {
        auto it = z->order.begin();
        auto back = z->order.rbegin();
        for (std::int64_t i = 0; i < *count && i < static_cast<std::int64_t>(z->order.size()); ++i) {
            some.push_back(least ? *it++ : *back++);
        }
        if (!some.empty()) {
            take_out(r, w[1], some);
        }
    }
    return reply::array(listed(some, true));
}

}  // namespace

void add_zset_commands(std::map<std::string, command_spec, std::less<>>& to) {
    to["ZADD"] = {zadd, -4, writes | fills, 1, 1};
    to["ZINCRBY"] = {zincrby, 4, writes | fills, 1, 1};
    to["ZREM"] = {zrem, -3, writes, 1, 1};
    to["ZCARD"] = {zcard, 2, 0, 1, 1};
    to["ZSCORE"] = {zscore, 3, 0, 1, 1};
    to["ZMSCORE"] = {zscore, -3, 0, 1, 1};
    to["ZRANK"] = {zrank, 3, 0, 1, 1};
    to["ZREVRANK"] = {zrank, 3, 0, 1, 1};
    for (const char* name : {"ZRANGE", "ZREVRANGE", "ZRANGEBYSCORE", "ZREVRANGEBYSCORE", "ZRANGEBYLEX"}) {
        to[name] = {range, -4, 0, 1, 1};
    }
    to["ZCOUNT"] = {zcount, 4, 0, 1, 1};
    for (const char* name : {"ZREMRANGEBYRANK", "ZREMRANGEBYSCORE", "ZREMRANGEBYLEX"}) {
        to[name] = {remove_range, 4, writes, 1, 1};
    }
    to["ZPOPMIN"] = {zpop, -2, writes, 1, 1};
    to["ZPOPMAX"] = {zpop, -2, writes, 1, 1};
}

}  // namespace wsidecar::simulation
