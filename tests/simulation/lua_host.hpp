#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/simulation/redis_reply.hpp"

struct lua_State;

namespace wsidecar::simulation {

class redis_model;

/// Lua 5.1 as Redis embeds it: redis.call and its like, cjson, KEYS and ARGV, no globals. Compiled scripts are kept.
class lua_host {
public:
    lua_host();
    ~lua_host();
    lua_host(const lua_host&) = delete;
    lua_host& operator=(const lua_host&) = delete;

    /// What the script returns, or an error reply.
    reply run(redis_model& on, const std::string& sum, const std::string& source, const std::vector<std::string>& keys,
              const std::vector<std::string>& arguments);
    /// "": it compiles.
    std::string compile(const std::string& sum, const std::string& source);

private:
    lua_State* lua_;
    std::unordered_map<std::string, int> compiled_;
};

}  // namespace wsidecar::simulation
