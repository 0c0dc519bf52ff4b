// Keys of any type, strings, and what concerns the server.

#include "tests/simulation/redis_words.hpp"

namespace wsidecar::simulation {
namespace {

const char* type_name(const value& v) {
    static constexpr const char* names[] = {"string", "list", "hash", "set", "zset", "stream"};
    return names[v.data.index()];
}

reply del(redis_model& r, const words& w) {
    std::int64_t n = 0;
    for (std::size_t i = 1; i < w.size(); ++i) {
        n += r.keys().erase(w[i]);
    }
    return reply::integer(n);
}

reply exists(redis_model& r, const words& w) {
    std::int64_t n = 0;
    for (std::size_t i = 1; i < w.size(); ++i) {
        n += r.keys().find(w[i]) != nullptr;
    }
    return reply::integer(n);
}

reply get(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* s = read<std::string>(r, w[1], wrong);
    return wrong ? wrong_type() : s ? reply::bulk(*s) : reply::nil();
}

reply set(redis_model& r, const words& w) {
    bool nx = false, xx = false, keep = false, get_old = false;
    std::int64_t expires = 0;
    for (std::size_t i = 3; i < w.size(); ++i) {
        const auto o = upper(w[i]);
        if (o == "NX") {
            nx = true;
        } else if (o == "XX") {
            xx = true;
        } else if (o == "KEEPTTL") {
            keep = true;
        } else if (o == "GET") {
            get_old = true;
        } else if ((o == "PX" || o == "EX" || o == "PXAT" || o == "EXAT") && i + 1 < w.size()) {
            const auto n = integer_in(w[++i]);
            if (!n) {
                return not_integer();
            }
            if (*n <= 0) {
                return reply::error("ERR invalid expire time in 'set' command");
            }
            expires = (o == "PX" || o == "EX" ? r.keys().now : 0) + *n * (o[0] == 'E' ? 1000 : 1);
        } else {
            return syntax_error();
        }
    }
    if (nx && xx) {
        return syntax_error();
    }
    bool wrong = false;
    const auto* old = read<std::string>(r, w[1], wrong);
    if (get_old && wrong) {
        return wrong_type();
    }
    reply was = old ? reply::bulk(*old) : reply::nil();
    const auto* there = r.keys().find(w[1]);
    if ((nx && there) || (xx && !there)) {
        return get_old ? was : reply::nil();
    }
    if (keep && there) {
        expires = there->expires;
    }
    r.keys().put(w[1], {w[2], expires});
    return get_old ? was : reply::ok();
}

reply setex(redis_model& r, const words& w) {
    return set(r, {"SET", w[1], w[3], upper(w[0]) == "SETEX" ? "EX" : "PX", w[2]});
}

reply setnx(redis_model& r, const words& w) {
    return reply::integer(set(r, {"SET", w[1], w[2], "NX"}).is_nil() ? 0 : 1);
}

reply add_to(redis_model& r, const std::string& key, std::int64_t by) {
    bool wrong = false;
    const auto* s = read<std::string>(r, key, wrong);
    if (wrong) {
        return wrong_type();
    }
    const auto n = s ? integer_in(*s) : 0;
    if (!n) {
        return not_integer();
    }
    change<std::string>(r, key) = std::to_string(*n + by);
    return reply::integer(*n + by);
}

reply incr(redis_model& r, const words& w) {
    return add_to(r, w[1], upper(w[0]) == "INCR" ? 1 : -1);
}

reply incrby(redis_model& r, const words& w) {
    const auto by = integer_in(w[2]);
    return !by ? not_integer() : add_to(r, w[1], upper(w[0]) == "INCRBY" ? *by : -*by);
}

reply append(redis_model& r, const words& w) {
    bool wrong = false;
    (void)read<std::string>(r, w[1], wrong);
    if (wrong) {
        return wrong_type();
    }
    auto& s = change<std::string>(r, w[1]);
    s += w[2];
    return reply::integer(static_cast<std::int64_t>(s.size()));
}

reply strlen_of(redis_model& r, const words& w) {
    bool wrong = false;
    const auto* s = read<std::string>(r, w[1], wrong);
    return wrong ? wrong_type() : reply::integer(s ? static_cast<std::int64_t>(s->size()) : 0);
}

reply mget(redis_model& r, const words& w) {
    std::vector<reply> out;
    for (std::size_t i = 1; i < w.size(); ++i) {
        bool wrong = false;
        const auto* s = read<std::string>(r, w[i], wrong);
        out.push_back(s ? reply::bulk(*s) : reply::nil());
    }
    return reply::array(std::move(out));
}

reply expire(redis_model& r, const words& w) {
    const auto name = upper(w[0]);
    const auto n = integer_in(w[2]);
    if (!n) {
        return not_integer();
    }
    const auto at = (name.ends_with("AT") ? 0 : r.keys().now) + *n * (name[0] == 'P' ? 1 : 1000);
    const auto* there = r.keys().find(w[1]);
    if (!there) {
        return reply::integer(0);
    }
    if (w.size() > 3) {
        const auto how = upper(w[3]);
        const auto old = there->expires;
        if ((how == "NX" && old != 0) || (how == "XX" && old == 0) || (how == "GT" && (old == 0 || at <= old)) ||
            (how == "LT" && old != 0 && at >= old)) {
            return reply::integer(0);
        }
    }
    if (at <= r.keys().now) {
        r.keys().erase(w[1]);
    } else {
        r.keys().edit(w[1])->expires = at;
    }
    return reply::integer(1);
}

reply persist(redis_model& r, const words& w) {
    const auto* there = r.keys().find(w[1]);
    if (!there || there->expires == 0) {
        return reply::integer(0);
    }
    r.keys().edit(w[1])->expires = 0;
    return reply::integer(1);
}

reply ttl(redis_model& r, const words& w) {
    const auto* there = r.keys().find(w[1]);
    if (!there) {
        return reply::integer(-2);
    }
    if (there->expires == 0) {
        return reply::integer(-1);
    }
    const auto left = there->expires - r.keys().now;
    return reply::integer(upper(w[0]) == "PTTL" ? left : (left + 500) / 1000);
}

reply type_of(redis_model& r, const words& w) {
    const auto* there = r.keys().find(w[1]);
    return reply::status(there ? type_name(*there) : "none");
}

reply rename_key(redis_model& r, const words& w) {
    const auto* there = r.keys().find(w[1]);
    if (!there) {
        return reply::error("ERR no such key");
    }
    if (upper(w[0]) == "RENAMENX" && r.keys().find(w[2])) {
        return reply::integer(0);
    }
    value v = *there;
    r.keys().erase(w[1]);
    r.keys().put(w[2], std::move(v));
    return upper(w[0]) == "RENAMENX" ? reply::integer(1) : reply::ok();
}

reply keys_like(redis_model& r, const words& w) {
    std::vector<reply> out;
    for (const auto& k : r.keys().names()) {
        if (glob_match(w[1], k)) {
            out.push_back(reply::bulk(k));
        }
    }
    return reply::array(std::move(out));
}

reply scan(redis_model& r, const words& w) {
    std::string pattern = "*";
    for (std::size_t i = 2; i + 1 < w.size(); i += 2) {
        if (upper(w[i]) == "MATCH") {
            pattern = w[i + 1];
        }
    }
    return reply::array({reply::bulk("0"), keys_like(r, {"KEYS", pattern})});
}

/// Roughly what Redis would say: its own depends on the allocator.
reply memory(redis_model& r, const words& w) {
    if (w.size() < 3 || upper(w[1]) != "USAGE") {
        return syntax_error();
    }
    const auto* v = r.keys().find(w[2]);
    if (!v) {
        return reply::nil();
    }
    std::size_t n = 64 + w[2].size();
    if (const auto* s = std::get_if<std::string>(&v->data)) {
        n += s->size();
    } else if (const auto* l = std::get_if<list_value>(&v->data)) {
        for (const auto& x : *l) {
            n += x.size() + 8;
        }
    } else if (const auto* h = std::get_if<hash_value>(&v->data)) {
        for (const auto& [k, x] : *h) {
            n += k.size() + x.size() + 32;
        }
    } else if (const auto* t = std::get_if<set_value>(&v->data)) {
        for (const auto& x : *t) {
            n += x.size() + 24;
        }
    } else if (const auto* z = std::get_if<zset_value>(&v->data)) {
        for (const auto& [k, x] : z->scores) {
            n += k.size() + 64;
        }
    } else {
        for (const auto& [id, fields] : std::get<stream_value>(v->data).entries) {
            for (const auto& f : fields) {
                n += f.size() + 8;
            }
        }
    }
    return reply::integer(static_cast<std::int64_t>(n));
}

reply flush(redis_model& r, const words&) {
    r.keys().clear();
    return reply::ok();
}

reply time_now(redis_model& r, const words&) {
    const auto ms = r.clock();
    return reply::array({reply::bulk(std::to_string(ms / 1000)), reply::bulk(std::to_string(ms % 1000 * 1000))});
}

reply ping(redis_model&, const words& w) {
    return w.size() > 1 ? reply::bulk(w[1]) : reply::status("PONG");
}

reply echo(redis_model&, const words& w) {
    return reply::bulk(w[1]);
}

reply fine(redis_model&, const words&) {
    return reply::ok();
}

reply role(redis_model& r, const words&) {
    const bool replica = r.in_trouble() == redis_model::trouble::read_only;
    if (replica) {
        return reply::array({reply::bulk("slave"), reply::bulk("127.0.0.1"), reply::integer(6379), reply::bulk("connected"),
                             reply::integer(0)});
    }
    return reply::array({reply::bulk("master"), reply::integer(0), reply::array()});
}

reply info(redis_model& r, const words& w) {
    return r.info(w.size() > 1 ? w[1] : "");
}

reply publish(redis_model& r, const words& w) {
    return reply::integer(r.publish(w[1], w[2], upper(w[0]) == "SPUBLISH"));
}

reply dbsize(redis_model& r, const words&) {
    return reply::integer(static_cast<std::int64_t>(r.keys().names().size()));
}

reply script(redis_model& r, const words& w) {
    return r.script_command(w);
}
reply eval(redis_model& r, const words& w) {
    return r.eval(w, false);
}
reply evalsha(redis_model& r, const words& w) {
    return r.eval(w, true);
}

}  // namespace

void add_key_commands(std::map<std::string, command_spec, std::less<>>& to) {
    to["DEL"] = {del, -2, writes, 1, -1};
    to["UNLINK"] = {del, -2, writes, 1, -1};
    to["EXISTS"] = {exists, -2, 0, 1, -1};
    to["GET"] = {get, 2, 0, 1, 1};
    to["SET"] = {set, -3, writes | fills, 1, 1};
    to["SETEX"] = {setex, 4, writes | fills, 1, 1};
    to["PSETEX"] = {setex, 4, writes | fills, 1, 1};
    to["SETNX"] = {setnx, 3, writes | fills, 1, 1};
    to["INCR"] = {incr, 2, writes | fills, 1, 1};
    to["DECR"] = {incr, 2, writes | fills, 1, 1};
    to["INCRBY"] = {incrby, 3, writes | fills, 1, 1};
    to["DECRBY"] = {incrby, 3, writes | fills, 1, 1};
    to["APPEND"] = {append, 3, writes | fills, 1, 1};
    to["STRLEN"] = {strlen_of, 2, 0, 1, 1};
    to["MGET"] = {mget, -2, 0, 1, -1};
    for (const char* name : {"EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"}) {
        to[name] = {expire, -3, writes, 1, 1};
    }
    to["PERSIST"] = {persist, 2, writes, 1, 1};
    to["TTL"] = {ttl, 2, 0, 1, 1};
    to["PTTL"] = {ttl, 2, 0, 1, 1};
    to["TYPE"] = {type_of, 2, 0, 1, 1};
    to["RENAME"] = {rename_key, 3, writes, 1, 2};
    to["RENAMENX"] = {rename_key, 3, writes, 1, 2};
    to["KEYS"] = {keys_like, 2, 0, 0, 0};
    to["SCAN"] = {scan, -2, 0, 0, 0};
    to["MEMORY"] = {memory, -2, 0, 2, 2};
    to["FLUSHALL"] = {flush, -1, writes, 0, 0};
    to["FLUSHDB"] = {flush, -1, writes, 0, 0};
    to["DBSIZE"] = {dbsize, 1, 0, 0, 0};
    to["TIME"] = {time_now, 1, 0, 0, 0};
    to["PING"] = {ping, -1, 0, 0, 0};
    to["ECHO"] = {echo, 2, 0, 0, 0};
    to["SELECT"] = {fine, 2, 0, 0, 0};
    to["CLIENT"] = {fine, -2, not_in_scripts, 0, 0};
    to["AUTH"] = {fine, -2, not_in_scripts, 0, 0};
    to["ROLE"] = {role, 1, not_in_scripts, 0, 0};
    to["INFO"] = {info, -1, 0, 0, 0};
    to["PUBLISH"] = {publish, 3, 0, 0, 0};
    to["SPUBLISH"] = {publish, 3, 0, 0, 0};
    to["SCRIPT"] = {script, -2, not_in_scripts, 0, 0};
    to["EVAL"] = {eval, -3, not_in_scripts, 0, 0};
    to["EVALSHA"] = {evalsha, -3, not_in_scripts, 0, 0};
}

}  // namespace wsidecar::simulation
