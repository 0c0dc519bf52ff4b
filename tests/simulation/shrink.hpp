#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/simulation/ledger.hpp"
#include "tests/simulation/lua_host.hpp"
#include "tests/simulation/schedule.hpp"

namespace wsidecar::simulation {

struct outcome {
    std::vector<violation> violations;
    std::uint64_t digest = 0;
};

outcome run_schedule(lua_host& lua, const schedule& s, bool trace);

/// The shortest schedule found that still breaks a promise of this kind: actions are left out, in ever smaller groups, as long as it does.
schedule shrink(lua_host& lua, schedule s, const std::string& kind);

}  // namespace wsidecar::simulation
