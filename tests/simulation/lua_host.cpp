#include "tests/simulation/lua_host.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

extern "C" {
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
int luaopen_cjson(lua_State* l);
}

#include "proto/text/sha1.hpp"
#include "tests/simulation/redis_model.hpp"

// Lua's errors jump over C++ frames: whoever raises one has no object left to destroy.

namespace wsidecar::simulation {
namespace {

redis_model* running = nullptr;

void push_reply(lua_State* l, const reply& r) {
    luaL_checkstack(l, 4, "reply");
    switch (r.is) {
        case reply::kind::nil:
        case reply::kind::nil_array:
        case reply::kind::none: lua_pushboolean(l, 0); return;
        case reply::kind::integer: lua_pushnumber(l, static_cast<lua_Number>(r.number)); return;
        case reply::kind::bulk: lua_pushlstring(l, r.text.data(), r.text.size()); return;
        case reply::kind::status:
        case reply::kind::error:
            lua_createtable(l, 0, 1);
            lua_pushstring(l, r.is_error() ? "err" : "ok");
            lua_pushlstring(l, r.text.data(), r.text.size());
            lua_rawset(l, -3);
            return;
        case reply::kind::array:
            lua_createtable(l, static_cast<int>(r.items.size()), 0);
            for (std::size_t i = 0; i < r.items.size(); ++i) {
                push_reply(l, r.items[i]);
                lua_rawseti(l, -2, static_cast<int>(i + 1));
            }
            return;
    }
}

reply reply_at(lua_State* l, int at) {
    switch (lua_type(l, at)) {
        case LUA_TSTRING: {
            std::size_t n = 0;
            const char* s = lua_tolstring(l, at, &n);
            return reply::bulk(std::string(s, n));
        }
        case LUA_TBOOLEAN: return lua_toboolean(l, at) ? reply::integer(1) : reply::nil();
        case LUA_TNUMBER: return reply::integer(static_cast<std::int64_t>(lua_tonumber(l, at)));
        case LUA_TTABLE: {
            const int table = at < 0 ? lua_gettop(l) + at + 1 : at;
            for (const char* kind : {"err", "ok"}) {
                lua_pushstring(l, kind);
                lua_rawget(l, table);
                if (lua_type(l, -1) == LUA_TSTRING) {
                    std::string text = lua_tostring(l, -1);
                    lua_pop(l, 1);
                    std::replace_if(
                        text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
                    return kind[0] == 'e' ? reply::error(std::move(text)) : reply::status(std::move(text));
                }
                lua_pop(l, 1);
            }
            luaL_checkstack(l, 4, "reply");
            std::vector<reply> items;
            for (int i = 1;; ++i) {
                lua_rawgeti(l, table, i);
                if (lua_isnil(l, -1)) {
                    lua_pop(l, 1);
                    return reply::array(std::move(items));
                }
                items.push_back(reply_at(l, -1));
                lua_pop(l, 1);
            }
        }
        default: return reply::nil();
    }
}

/// Leaves the reply, or the error's table, on the stack. True: an error.
bool call_redis(lua_State* l) {
    const int n = lua_gettop(l);
    if (n == 0) {
        push_reply(l, reply::error("ERR Please specify at least one argument for this redis.call() call"));
        return true;
    }
    std::vector<std::string> argv;
    argv.reserve(static_cast<std::size_t>(n));
    for (int i = 1; i <= n; ++i) {
        if (lua_type(l, i) == LUA_TNUMBER) {
            char buffer[64];
            argv.emplace_back(buffer,
                              static_cast<std::size_t>(std::snprintf(buffer, sizeof buffer, "%.17g", lua_tonumber(l, i))));
        } else if (lua_type(l, i) == LUA_TSTRING) {
            std::size_t size = 0;
            const char* s = lua_tolstring(l, i, &size);
            argv.emplace_back(s, size);
        } else {
            push_reply(l, reply::error("ERR Lua redis lib command arguments must be strings or integers"));
            return true;
        }
    }
    const reply r = running->call(argv, true);
    push_reply(l, r);
    return r.is_error();
}

int redis_call(lua_State* l) {
    return call_redis(l) ? lua_error(l) : 1;
}

int redis_pcall(lua_State* l) {
    (void)call_redis(l);
    return 1;
}

void push_sha1(lua_State* l) {
    std::size_t n = 0;
    const char* s = lua_tolstring(l, 1, &n);
    const auto sum = proto::sha1_hex(std::string(s ? s : "", n));
    lua_pushlstring(l, sum.data(), sum.size());
}

int redis_sha1hex(lua_State* l) {
    push_sha1(l);
    return 1;
}

int one_field(lua_State* l, const char* name) {
    lua_createtable(l, 0, 1);
    lua_pushstring(l, name);
    lua_pushvalue(l, 1);
    lua_rawset(l, -3);
    return 1;
}
int redis_error_reply(lua_State* l) {
    const char* s = lua_tostring(l, 1);
    if (s != nullptr && s[0] == '-') {
        lua_pushstring(l, s + 1);
        lua_replace(l, 1);
    }
    return one_field(l, "err");
}
int redis_status_reply(lua_State* l) {
    return one_field(l, "ok");
}
int nothing(lua_State*) {
    return 0;
}

/// As Redis' own: what redis.call raised is caught as its text.
int caught(lua_State* l) {
    luaL_checkany(l, 1);
    const int failed = lua_pcall(l, lua_gettop(l) - 1, LUA_MULTRET, 0);
    if (failed != 0 && lua_istable(l, -1)) {
        lua_getfield(l, -1, "err");
        lua_replace(l, -2);
    }
    lua_pushboolean(l, failed == 0);
    lua_insert(l, 1);
    return lua_gettop(l);
}

int no_global(lua_State* l) {
    const char* name = lua_tostring(l, 2);
    return luaL_error(l, "Script attempted to access nonexistent global variable '%s'", name ? name : "?");
}
int no_new_global(lua_State* l) {
    return luaL_error(l, "Attempt to modify a readonly table");
}

void set_global_list(lua_State* l, const char* name, const std::vector<std::string>& values) {
    lua_pushstring(l, name);
    lua_createtable(l, static_cast<int>(values.size()), 0);
    for (std::size_t i = 0; i < values.size(); ++i) {
        lua_pushlstring(l, values[i].data(), values[i].size());
        lua_rawseti(l, -2, static_cast<int>(i + 1));
    }
    lua_rawset(l, LUA_GLOBALSINDEX);
}

}  // namespace

lua_host::lua_host() : lua_(luaL_newstate()) {
    const std::pair<const char*, lua_CFunction> libraries[] = {
        {"", luaopen_base}, {LUA_TABLIBNAME, luaopen_table}, {LUA_STRLIBNAME, luaopen_string}, {LUA_MATHLIBNAME, luaopen_math}};
    for (const auto& [name, open] : libraries) {
        lua_pushcfunction(lua_, open);
        lua_pushstring(lua_, name);
        lua_call(lua_, 1, 0);
    }
    lua_pushcfunction(lua_, luaopen_cjson);
    lua_call(lua_, 0, 1);
    lua_setglobal(lua_, "cjson");
    lua_newtable(lua_);
    const std::pair<const char*, lua_CFunction> functions[] = {{"call", redis_call},       {"pcall", redis_pcall},
                                                               {"sha1hex", redis_sha1hex}, {"error_reply", redis_error_reply},
                                                               {"log", nothing},           {"status_reply", redis_status_reply},
                                                               {"setresp", nothing},       {"replicate_commands", nothing},
                                                               {"set_repl", nothing}};
    for (const auto& [name, f] : functions) {
        lua_pushcfunction(lua_, f);
        lua_setfield(lua_, -2, name);
    }
    const char* levels[] = {"LOG_DEBUG", "LOG_VERBOSE", "LOG_NOTICE", "LOG_WARNING"};
    for (int i = 0; i < 4; ++i) {
        lua_pushnumber(lua_, i);
        lua_setfield(lua_, -2, levels[i]);
    }
    lua_setglobal(lua_, "redis");
    lua_pushcfunction(lua_, caught);
    lua_setglobal(lua_, "pcall");
    for (const char* name : {"loadfile", "dofile", "print"}) {
        lua_pushnil(lua_);
        lua_setglobal(lua_, name);
    }
    lua_newtable(lua_);
    lua_pushcfunction(lua_, no_global);
    lua_setfield(lua_, -2, "__index");
    lua_pushcfunction(lua_, no_new_global);
    lua_setfield(lua_, -2, "__newindex");
    lua_pushvalue(lua_, LUA_GLOBALSINDEX);
    lua_insert(lua_, -2);
    lua_setmetatable(lua_, -2);
    lua_pop(lua_, 1);
}

lua_host::~lua_host() {
    lua_close(lua_);
}

std::string lua_host::compile(const std::string& sum, const std::string& source) {
    if (compiled_.contains(sum)) {
        return "";
    }
    std::size_t from = 0;
    if (source.starts_with("#!")) {
        from = std::min(source.find('\n'), source.size());
    }
    if (luaL_loadbuffer(lua_, source.data() + from, source.size() - from, "@user_script") != 0) {
        std::string why = lua_tostring(lua_, -1);
        lua_pop(lua_, 1);
        return "ERR Error compiling script (new function): " + why;
    }
    compiled_[sum] = luaL_ref(lua_, LUA_REGISTRYINDEX);
    return "";
}

reply lua_host::run(redis_model& on, const std::string& sum, const std::string& source, const std::vector<std::string>& keys,
                    const std::vector<std::string>& arguments) {
    if (auto why = compile(sum, source); !why.empty()) {
        return reply::error(std::move(why));
    }
    set_global_list(lua_, "KEYS", keys);
    set_global_list(lua_, "ARGV", arguments);
    lua_rawgeti(lua_, LUA_REGISTRYINDEX, compiled_[sum]);
    redis_model* const outer = running;
    running = &on;
    const int failed = lua_pcall(lua_, 0, 1, 0);
    running = outer;
    reply out;
    if (failed == 0) {
        out = reply_at(lua_, -1);
    } else {
        if (lua_istable(lua_, -1)) {
            lua_getfield(lua_, -1, "err");
        }
        const char* text = lua_tostring(lua_, -1);
        const std::string why = text ? text : "unknown error";
        const bool own = on.major() < 7 || lua_gettop(lua_) == 1;  // not raised by a command
        out = reply::error(on.major() < 7 ? "ERR Error running script (call to f_" + sum + "): @user_script: " + why
                                          : (own ? "ERR " : "") + why + " script: " + sum + ", on @user_script.");
        std::replace_if(
            out.text.begin(), out.text.end(), [](char c) { return c == '\r' || c == '\n'; }, ' ');
    }
    lua_settop(lua_, 0);
    return out;
}

}  // namespace wsidecar::simulation
