// Streams. XREAD here never waits: redis_model blocks it.

#include "tests/simulation/redis_stream_words.hpp"

namespace wsidecar::simulation {
namespace {

void drop_front(stream_value& s, std::int64_t n) {
    for (; n > 0 && !s.entries.empty(); --n) {
        s.entries.erase(s.entries.begin());
    }
}

/// MAXLEN or MINID at w[i]; i is then behind it. False: a syntax error.
bool trim_options(const words& w, std::size_t& i, std::optional<std::int64_t>& length, std::optional<stream_id>& least) {
    const bool by_length = upper(w[i]) == "MAXLEN";
    ++i;
    if (i < w.size() && (w[i] == "=" || w[i] == "~")) {
        ++i;
    }
    if (i >= w.size()) {
        return false;
    }
    if (by_length) {
        length = integer_in(w[i]);
    } else {
        least = id_in(w[i], 0);
    }
    ++i;
    if (i + 1 < w.size() && upper(w[i]) == "LIMIT") {
        i += 2;
    }
    return length || least;
}

std::int64_t trim(stream_value& s, const std::optional<std::int64_t>& length, const std::optional<stream_id>& least) {
    const auto before_trim = s.entries.size();
    if (length) {
        drop_front(s, static_cast<std::int64_t>(s.entries.size()) - *length);
    }
    if (least) {
        s.entries.erase(s.entries.begin(), s.entries.lower_bound(*least));
    }
    return static_cast<std::int64_t>(before_trim - s.entries.size());
}

reply xadd(redis_model& r, const words& w) {
    std::optional<std::int64_t> length;
    std::optional<stream_id> least;
    bool make = true;
    std::size_t i = 2;
    for (; i < w.size();) {
        const auto o = upper(w[i]);
        if (o == "NOMKSTREAM") {
            make = false;
            ++i;
        } else if (o == "MAXLEN" || o == "MINID") {
            if (!trim_options(w, i, length, least)) {
                return syntax_error();
            }
        } else {
            break;
        }
    }
    if (i >= w.size() || (w.size() - i - 1) % 2 != 0 || w.size() - i < 3) {
        return reply::error("ERR wrong number of arguments for 'xadd' command");
    }
    bool wrong = false;
    const auto* there = read<stream_value>(r, w[1], wrong);
    std::optional<stream_id> id;
    if (w[i] == "*") {
        const stream_id last = there ? there->last : stream_id{};
        const auto now = static_cast<std::uint64_t>(r.clock());
        id = last.ms >= now ? after(last) : stream_id{now, 0};
    } else if (w[i].ends_with("-*")) {
        const auto ms = unsigned_in(std::string_view(w[i]).substr(0, w[i].size() - 2));
        if (ms) {
            const stream_id last = there ? there->last : stream_id{};
            id = last.ms == *ms ? after(last) : stream_id{*ms, *ms == 0 ? 1U : 0U};
        }
    } else {
        id = id_in(w[i], 0);
    }
    if (!id) {
        return bad_id();
    }
    if (*id == stream_id{}) {
        return reply::error("ERR The ID specified in XADD must be greater than 0-0");
    }
    if (wrong) {
        return wrong_type();
    }
    if (!there && !make) {
        return reply::nil();
    }
    if (there && *id <= there->last) {
        return reply::error("ERR The ID specified in XADD is equal or smaller than the target stream top item");
    }
    auto& s = change<stream_value>(r, w[1]);
    s.entries.emplace(*id, std::vector<std::string>(w.begin() + static_cast<std::ptrdiff_t>(i) + 1, w.end()));
    s.last = *id;
    ++s.added;
    trim(s, length, least);
    return reply::bulk(id->text());
}

reply xdel(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* there = read<stream_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    const auto ids = ids_in(w, 2);
    if (!ids) {
        return bad_id();
    }
    std::int64_t n = 0;
    if (there && std::any_of(ids->begin(), ids->end(), [&](const auto& id) { return there->entries.contains(id); })) {
        auto& s = change<stream_value>(r, w[1]);
        for (const auto& id : *ids) {
            if (s.entries.erase(id) > 0) {
                ++n;
                s.max_deleted = std::max(s.max_deleted, id);
            }
        }
    }
    return reply::integer(n);
}

reply xlen(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* s = read<stream_value>(r, w[1], wrong);
    return wrong ? wrong_type() : reply::integer(s ? static_cast<std::int64_t>(s->entries.size()) : 0);
}

reply xrange(redis_model& r, const words& w) {
    const bool reverse = upper(w[0]) == "XREVRANGE";
    const auto from = limit_in(w[reverse ? 3 : 2], true), to = limit_in(w[reverse ? 2 : 3], false);
    if (!from || !to) {
        return bad_id();
    }
    std::int64_t count = -1;
    if (w.size() >= 6 && upper(w[4]) == "COUNT") {
        count = integer_in(w[5]).value_or(-1);
    }
    bool wrong = false;
    const auto* s = read<stream_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    if (s && count == 0) {
        return reply::nil_array();
    }
    std::vector<reply> out;
    if (s && *from <= *to) {
        const auto first = s->entries.lower_bound(*from);
        const auto end = s->entries.upper_bound(*to);
        if (reverse) {
            for (auto it = end; it != first && (count < 0 || static_cast<std::int64_t>(out.size()) < count);) {
                out.push_back(entry_of(*--it));
            }
        } else {
            for (auto it = first; it != end && (count < 0 || static_cast<std::int64_t>(out.size()) < count); ++it) {
                out.push_back(entry_of(*it));
            }
        }
    }
    return reply::array(std::move(out));
}

reply xread(redis_model& r, const words& w) {
    std::int64_t count = 0;
    std::size_t i = 1;
    for (; i < w.size() && upper(w[i]) != "STREAMS"; ++i) {
        const auto o = upper(w[i]);
        if ((o == "COUNT" || o == "BLOCK") && i + 1 < w.size()) {
            const auto n = integer_in(w[++i]);
            if (!n) {
                return not_integer();
            }
            count = o == "COUNT" ? *n : count;
            if (o == "BLOCK" && r.in_script()) {
                return reply::error("ERR xread command is not allowed with BLOCK option from scripts");
            }
        } else {
            return syntax_error();
        }
    }
    const std::size_t n = w.size() - i - 1;
    if (i >= w.size() || n == 0 || n % 2 != 0) {
        return reply::error("ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.");
    }
    std::vector<reply> out;
    for (std::size_t k = 0; k < n / 2; ++k) {
        const auto& key = w[i + 1 + k];
        const auto& text = w[i + 1 + n / 2 + k];
        bool wrong = false;
        const auto* s = read<stream_value>(r, key, wrong);
        if (wrong) {
            return wrong_type();
        }
        const auto id = text == "$" ? std::optional(s ? s->last : stream_id{}) : id_in(text, 0);
        if (!id) {
            return bad_id();
        }
        std::vector<reply> entries;
        if (s) {
            for (auto it = s->entries.upper_bound(*id);
                 it != s->entries.end() && (count <= 0 || static_cast<std::int64_t>(entries.size()) < count); ++it) {
                entries.push_back(entry_of(*it));
            }
        }
        if (!entries.empty()) {
            out.push_back(reply::array({reply::bulk(key), reply::array(std::move(entries))}));
        }
    }
    return out.empty() ? reply::nil_array() : reply::array(std::move(out));
}

reply xtrim(redis_model& r, const words& w) {
    std::optional<std::int64_t> length;
    std::optional<stream_id> least;
    std::size_t i = 2;
    if (const auto o = upper(w[2]); (o != "MAXLEN" && o != "MINID") || !trim_options(w, i, length, least)) {
        return syntax_error();
    }
    bool wrong = false;
    const auto* there = read<stream_value>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    if (!there || there->entries.empty() || (least && there->entries.begin()->first >= *least)) {
        return reply::integer(0);
    }
    return reply::integer(trim(change<stream_value>(r, w[1]), length, least));
}

reply xinfo(redis_model& r, const words& w) {
    if (upper(w[1]) != "STREAM" || w.size() < 3) {
        return syntax_error();
    }
    bool wrong = false;
    const auto* s = read<stream_value>(r, w[2], wrong);
    if (wrong) {
        return wrong_type();
    }
    if (!s) {
        return reply::error("ERR no such key");
    }
    std::vector<reply> out{reply::bulk("length"),
                           reply::integer(static_cast<std::int64_t>(s->entries.size())),
                           reply::bulk("radix-tree-keys"),
                           reply::integer(1),
                           reply::bulk("radix-tree-nodes"),
                           reply::integer(2),
                           reply::bulk("last-generated-id"),
                           reply::bulk(s->last.text())};
    if (r.major() >= 7) {
        const auto first = s->entries.empty() ? stream_id{} : s->entries.begin()->first;
        for (auto& x : {reply::bulk("max-deleted-entry-id"), reply::bulk(s->max_deleted.text()), reply::bulk("entries-added"),
                        reply::integer(static_cast<std::int64_t>(s->added)), reply::bulk("recorded-first-entry-id"),
                        reply::bulk(first.text())}) {
            out.push_back(x);
        }
    }
    for (auto& x : {reply::bulk("groups"), reply::integer(static_cast<std::int64_t>(s->groups.size())),
                    reply::bulk("first-entry"), s->entries.empty() ? reply::nil() : entry_of(*s->entries.begin()),
                    reply::bulk("last-entry"), s->entries.empty() ? reply::nil() : entry_of(*s->entries.rbegin())}) {
        out.push_back(x);
    }
    return reply::array(std::move(out));
}

reply xsetid(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* there = read<stream_value>(r, w[1], wrong);
    const auto id = id_in(w[2], 0);
    if (!id) {
        return bad_id();
    }
    if (wrong) {
        return wrong_type();
    }
    if (!there) {
        return reply::error("ERR no such key");
    }
    if (!there->entries.empty() && *id < there->entries.rbegin()->first) {
        return reply::error("ERR The ID specified in XSETID is smaller than the target stream top item");
    }
    change<stream_value>(r, w[1]).last = *id;
    return reply::ok();
}

}  // namespace

void add_stream_commands(std::map<std::string, command_spec, std::less<>>& to) {
    to["XADD"] = {xadd, -5, writes | fills, 1, 1};
    to["XDEL"] = {xdel, -3, writes, 1, 1};
    to["XLEN"] = {xlen, 2, 0, 1, 1};
    to["XRANGE"] = {xrange, -4, 0, 1, 1};
    to["XREVRANGE"] = {xrange, -4, 0, 1, 1};
    to["XREAD"] = {xread, -4, 0, 0, 0};
    to["XTRIM"] = {xtrim, -4, writes, 1, 1};
    to["XINFO"] = {xinfo, -2, 0, 2, 2};
    to["XSETID"] = {xsetid, -3, writes | fills, 1, 1};
}

}  // namespace wsidecar::simulation
