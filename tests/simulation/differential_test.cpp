// The model of Redis against a real one: the same random commands and scripts, the same replies and the same data.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "tests/simulation/lua_host.hpp"
#include "tests/simulation/real_redis.hpp"
#include "tests/simulation/redis_model.hpp"
#include "tests/simulation/redis_words.hpp"

namespace wsidecar::simulation {
namespace {

/// Redis says the members of hashes and sets in an order of its own, and words its errors in the last detail as it likes.
reply comparable(reply r, const std::string& command) {
    if (r.is == reply::kind::error) {
        r.text = r.text.substr(0, r.text.find(' '));
    }
    if (r.is == reply::kind::nil_array) {
        r.is = reply::kind::nil;
    }
    if (command == "XPENDING") {  // how long ago that was, by two clocks
        for (auto& entry : r.items) {
            if (entry.items.size() == 4) {
                entry.items[2].number = 0;
            }
        }
    }
    if (command == "XINFO" && r.items.size() > 5) {  // of the radix tree, which the model has not
        r.items[3].number = r.items[5].number = 0;
    }
    const bool scan = command == "HSCAN" || command == "SSCAN";
    auto& items = scan && r.items.size() == 2 ? r.items[1].items : r.items;
    const auto by_text = [](const reply& a, const reply& b) { return a.text < b.text; };
    if (command == "HGETALL" || command == "HSCAN") {
        std::vector<reply> pairs;
        for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
            pairs.push_back(reply::bulk(items[i].text + "=" + items[i + 1].text));
        }
        std::sort(pairs.begin(), pairs.end(), by_text);
        items = std::move(pairs);
    } else if (command == "SMEMBERS" || command == "SSCAN" || command == "HKEYS" || command == "HVALS" || command == "SUNION" ||
               command == "SINTER" || command == "SDIFF" || command == "KEYS") {
        std::sort(items.begin(), items.end(), by_text);
    }
    return r;
}

std::string shown(const reply& r, const std::string& command) {
    std::string out;
    comparable(r, command).encode(out);
    return out;
}

class differential : public testing::TestWithParam<const char*> {
protected:
    void SetUp() override {
        const std::string binary = GetParam();
        const char* path = binary == "6.2" ? std::getenv("WSIDECAR_REDIS_62") : nullptr;
        if (binary == "6.2" && path == nullptr) {
            GTEST_SKIP() << "WSIDECAR_REDIS_62 does not name a redis-server 6.2";
        }
        real = std::make_unique<real_redis>(path ? path : "redis-server");
        ASSERT_TRUE(real->up());
        model = std::make_unique<redis_model>(lua, binary == "6.2" ? 6 : 7, 1);
    }

    void both(const words& w) {
        const auto name = upper(w[0]);
        using namespace std::chrono;
        const auto wall = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
        model->step_clock(wall - model->clock());
        const reply a = real->ask(w), b = model->ask(w);
        if (name == "PTTL" || name == "TTL") {
            ASSERT_NEAR(static_cast<double>(a.number), static_cast<double>(b.number), 1000) << said(w);
            return;
        }
        ASSERT_EQ(shown(a, name), shown(b, name)) << said(w);
    }
    static std::string said(const words& w) {
        std::string out;
        for (const auto& x : w) {
            out += x + ' ';
        }
        return out;
    }

    lua_host lua;
    std::unique_ptr<real_redis> real;
    std::unique_ptr<redis_model> model;
};

struct generator {
    std::mt19937_64 rng;
    int expiries = 0;
    std::string pick(std::initializer_list<const char*> of) {
        return *(of.begin() + static_cast<std::ptrdiff_t>(rng() % of.size()));
    }
    std::string key() { return "k" + std::to_string(rng() % 12); }
    std::string member() { return pick({"a", "b", "c", "dd", "", "10", "e f"}); }
    std::string number() { return std::to_string(static_cast<int>(rng() % 9) - 4); }
    std::string score() { return pick({"0", "1", "-2.5", "3", "inf", "0.1", "17"}); }
    std::string limit() { return pick({"-inf", "+inf", "0", "(0", "1", "(3"}); }
    std::string id() { return std::to_string(rng() % 6) + "-" + std::to_string(rng() % 3); }

    std::string group() { return pick({"g1", "g2"}); }

    words command() {
        const auto k = key(), k2 = key();
        switch (rng() % 90) {
            case 0: return {"SET", k, member()};
            case 1: return {"SET", k, number(), "NX"};
            case 2: return {"SET", k, member(), "PX", "100000", "XX"};
            case 3: return {"GET", k};
            case 4: return {"DEL", k, k2};
            case 5: return {"EXISTS", k, k2};
            case 6: return {"PEXPIRE", k, pick({"50000", "0", "90000"})};
            case 7: return {"PTTL", k};
            case 8: return {"INCR", k};
            case 9: return {"INCRBY", k, number()};
            case 10: return {"HSET", k, member(), member()};
            case 11: return {"HSET", k, member(), number(), member(), member()};
            case 12: return {"HSETNX", k, member(), member()};
            case 13: return {"HGET", k, member()};
            case 14: return {"HMGET", k, member(), member()};
            case 15: return {"HGETALL", k};
            case 16: return {"HKEYS", k};
            case 17: return {"HVALS", k};
            case 18: return {"HEXISTS", k, member()};
            case 19: return {"HDEL", k, member(), member()};
            case 20: return {"HLEN", k};
            case 21: return {"HINCRBY", k, member(), number()};
            case 22: return {"HSCAN", k, "0", "COUNT", "1000"};
            case 23: return {"HSTRLEN", k, member()};
            case 24: return {"SADD", k, member(), member()};
            case 25: return {"SREM", k, member()};
            case 26: return {"SMEMBERS", k};
            case 27: return {"SISMEMBER", k, member()};
            case 28: return {"SCARD", k};
            case 29: return {"SUNION", k, k2};
            case 30: return {"SINTER", k, k2};
            case 31: return {"SDIFF", k, k2};
            case 32: return {"SSCAN", k, "0", "COUNT", "1000"};
            case 33: return {"SMOVE", k, k2, member()};
            case 34: return {"LPUSH", k, member(), member()};
            case 35: return {"RPUSH", k, member()};
            case 36: return {"LPOP", k};
            case 37: return {"RPOP", k, pick({"0", "1", "3"})};
            case 38: return {"LRANGE", k, number(), number()};
            case 39: return {"LINDEX", k, number()};
            case 40: return {"LTRIM", k, number(), number()};
            case 41: return {"LLEN", k};
            case 42: return {"LREM", k, number(), member()};
            case 43: return {"LSET", k, number(), member()};
            case 44: return {"LMOVE", k, k2, pick({"LEFT", "RIGHT"}), pick({"LEFT", "RIGHT"})};
            case 45: return {"LPUSHX", k, member()};
            case 46: return {"ZADD", k, score(), member(), score(), member()};
            case 47: return {"ZADD", k, pick({"NX", "XX", "LT", "GT"}), pick({"CH", "ch"}), score(), member()};
            case 48: return {"ZREM", k, member()};
            case 49: return {"ZCARD", k};
            case 50: return {"ZSCORE", k, member()};
            case 51: return {"ZRANGE", k, number(), number(), "WITHSCORES"};
            case 52: return {"ZRANGE", k, limit(), limit(), "BYSCORE", "LIMIT", "0", "2"};
            case 53: return {"ZRANGEBYSCORE", k, limit(), limit(), "LIMIT", pick({"0", "1"}), number()};
            case 54: return {"ZREMRANGEBYRANK", k, number(), number()};
            case 55: return {"ZPOPMIN", k};
            case 56: return {"ZINCRBY", k, "1.5", member()};
            case 57: return {"ZRANK", k, member()};
            case 58: return {"ZREMRANGEBYSCORE", k, limit(), limit()};
            case 59: return {"ZREVRANGE", k, number(), number()};
            case 60: return {"XADD", k, id(), "f", member()};
            case 61: return {"XADD", k, "MAXLEN", "2", id(), "f", member(), "g", member()};
            case 62: return {"XDEL", k, id(), id()};
            case 63: return {"XLEN", k};
            case 64: return {"XRANGE", k, pick({"-", "1", "(1-1", "2-0"}), pick({"+", "3", "(4-0"})};
            case 65: return {"XREVRANGE", k, "+", "-", "COUNT", "2"};
            case 66: return {"XREAD", "COUNT", "2", "STREAMS", k, k2, id(), id()};
            case 67: return {"XTRIM", k, "MINID", id()};
            case 68: return {"XTRIM", k, "MAXLEN", "1"};
            case 69: return {"TYPE", k};
            case 70: return {"SETNX", k, number()};
            case 71: return {"PERSIST", k};
            case 72: return {"ZCOUNT", k, limit(), limit()};
            case 73: return {"XGROUP", "CREATE", k, group(), pick({"0", "$", "2-1", "x"}), "MKSTREAM"};
            case 74: return {"XGROUP", "CREATE", k, group(), pick({"0-0", "$"})};
            case 75: return {"XGROUP", "SETID", k, group(), pick({"0", "$", "3-0"})};
            case 76: return {"XGROUP", "DESTROY", k, rng() % 4 == 0 ? group() : "none"};
            case 77:
            case 78:
                return {"XREADGROUP", "GROUP", group(), pick({"c1", "c2"}), "COUNT", pick({"1", "2", "0"}), "STREAMS", k, ">"};
            case 79: return {"XREADGROUP", "GROUP", group(), "c1", "STREAMS", k, pick({">", "0", "2", "bad"})};
            case 80: return {"XREADGROUP", "GROUP", "g1", "c1", "COUNT", "3", "STREAMS", k, k2, ">", pick({">", "0"})};
            case 81: return {"XACK", k, group(), id(), id(), id()};
            case 82: return {"XACK", k, group(), pick({"1", "2-0", "bad"})};
            case 83: return {"XPENDING", k, group()};
            case 84: return {"XPENDING", k, group(), pick({"-", "(1-1", "2"}), pick({"+", "4"}), number()};
            case 85: return {"XPENDING", k, "g1", "-", "+", "10", "c1"};
            case 86: return {"XINFO", "STREAM", k};
            case 87: return {"DEL", k};
            case 88: return {"XADD", k, id(), "f", "v"};
            // Never the same number of seconds twice: GT and LT compare milliseconds of two clocks.
            default: return {"EXPIRE", k, std::to_string(110 + 10 * ++expiries), pick({"NX", "XX", "GT", "LT"})};
        }
    }
};

TEST_P(differential, random_commands_get_the_same_replies) {
    generator g{.rng = std::mt19937_64(20261129)};
    for (int i = 0; i < 30000; ++i) {
        auto w = g.command();
        if (w[0] == "EXPIRE" && model->major() < 7) {
            w.pop_back();  // its options came with 7
        }
        both(w);
        if (HasFatalFailure()) {
            return;
        }
        if (i % 1500 == 0) {
            both({"FLUSHALL"});
        }
    }
}

TEST_P(differential, random_commands_in_scripts_get_the_same_replies) {
    generator g{.rng = std::mt19937_64(7)};
    const std::string source =
        "local out = {}\n"
        "local at = 1\n"
        "while at <= #ARGV do\n"
        "  local n = tonumber(ARGV[at])\n"
        "  local r = redis.pcall(unpack(ARGV, at + 1, at + n))\n"
        "  if type(r) == 'table' and r.err then r = 'error ' .. string.match(r.err, '^%S+') end\n"
        "  if type(r) == 'table' and r.ok then r = 'status ' .. r.ok end\n"
        "  if r == false then r = 'none' end\n"
        "  if type(r) == 'table' then for i = 1, #r do if r[i] == false then r[i] = 'none' end end end\n"
        "  out[#out + 1] = type(r) == 'table' and #r or r\n"
        "  at = at + n + 1\n"
        "end\n"
        "return out\n";
    for (int i = 0; i < 3000; ++i) {
        words w{"EVAL", source, "0"};
        for (int k = 0; k < 6; ++k) {
            auto c = g.command();
            if (c[0] == "PTTL" || (c[0] == "EXPIRE" && model->major() < 7)) {
                continue;
            }
            w.push_back(std::to_string(c.size()));
            w.insert(w.end(), c.begin(), c.end());
        }
        both(w);
        if (HasFatalFailure()) {
            return;
        }
        if (i % 200 == 0) {
            both({"FLUSHALL"});
        }
    }
}

TEST_P(differential, scripts_get_values_and_errors_as_redis_gives_them) {
    for (const char* source : {
             "return {1, 2.9, -2.9, 'x', true, false, 3}",
             "return {1, nil, 3}",
             "return redis.call('GET', 'nothing')",
             "return {err = 'BAD thing'}",
             "return {ok = 'fine'}",
             "return redis.error_reply('WORD and more')",
             "return redis.status_reply('fine')",
             "return redis.sha1hex('abc')",
             "redis.call('HSET', 'h', 'a', 1, 'b', 2.5, 'c', 1e15, 'd', 10) return redis.call('HMGET', 'h', 'a', 'b', 'c', "
             "'d', 'e')",
             "return redis.call('LPUSH', 'h', 'x')",
             "local r = redis.pcall('LPUSH', 'h', 'x') return r.err ~= nil",
             "local ok, e = pcall(redis.call, 'LPUSH', 'h', 'x') return {tostring(ok), type(e)}",
             "return missing",
             "x = 1",
             "return redis.call('NOSUCH')",
             "return redis.call('GET')",
             "return cjson.encode({a = 1})",
             "return cjson.encode({1, 2, 'x/y'})",
             "return cjson.encode({})",
             "return cjson.decode('[1,2,{\"a\":null}]')[3].a == cjson.null",
             "return {pcall(cjson.decode, '{bad')}",
             "return cjson.encode({s = 'ünï\\n\\\"'})",
             "return cjson.encode(1.5) .. cjson.encode(10) .. cjson.encode(1795000000123)",
             "return tostring(1795000000123)",
             "return string.format('%.0f-%d', 1795000000123, 5)",
             "return {KEYS[1], ARGV[1], #ARGV}",
             "return redis.call('XADD', 's', '5-1', 'f', 'v')",
             "return redis.call('XADD', 's', '5-1', 'f', 'v')",
             "return redis.call('XRANGE', 's', '-', '+')",
             "return redis.call('SMEMBERS', 'none')",
             "return #redis.call('TIME')",
             "return redis.call('SET', 'a', 1, 'PX', 10.0)",
             "return redis.call('SET', 'a', 1, 'NX')",
             "return redis.call('TYPE', 's').ok",
             "return redis.call('BLPOP', 'none', 1)",
             "return redis.call('XREAD', 'BLOCK', 1, 'STREAMS', 's', '9-9')",
             "return unpack({1, 2})",
             "return redis.call('SUBSCRIBE', 'x')",
             "error('mine')",
             "error({err = 'OWN table'})",
             "return table.concat({1, 2, 3}, ',')",
             "local t = {3, 1, 2} table.sort(t) return t",
         }) {
        both({"EVAL", source, "1", "key", "argument"});
        if (HasFatalFailure()) {
            return;
        }
    }
    if (model->major() >= 7) {
        both({"EVAL", "#!lua flags=allow-oom\nreturn 1", "0"});
    }
    both({"EVALSHA", std::string(40, 'a'), "0"});
    const auto sum = real->ask({"SCRIPT", "LOAD", "return 7"});
    EXPECT_EQ(sum.text, model->ask({"SCRIPT", "LOAD", "return 7"}).text);
    both({"EVALSHA", sum.text, "0"});
}

TEST_P(differential, a_full_redis_refuses_the_same) {
    real->ask({"CONFIG", "SET", "maxmemory", "1"});
    model->set_trouble(redis_model::trouble::full);
    both({"SET", "a", "1"});
    both({"DEL", "a"});
    both({"LTRIM", "a", "0", "1"});
    both({"EVAL", "return redis.call('SET', 'a', 1)", "0"});
    both({"EVAL", "redis.call('LTRIM', 'a', 0, 1) return redis.call('SET', 'a', 1)", "0"});
    both({"EVAL", "redis.pcall('SET', 'a', 1) redis.call('DEL', 'b') return redis.call('SET', 'a', 2)", "0"});
    if (model->major() >= 7) {
        both({"EVAL", "#!lua flags=allow-oom\nreturn redis.call('SET', 'b', 1)", "0"});
        both({"EVAL", "#!lua\nreturn redis.call('SET', 'b', 1)", "0"});
    }
    both({"GET", "a"});
}

INSTANTIATE_TEST_SUITE_P(redis, differential, testing::Values("7", "6.2"),
                         [](const auto& i) { return std::string(i.param) == "7" ? "seven" : "six"; });

}  // namespace
}  // namespace wsidecar::simulation
