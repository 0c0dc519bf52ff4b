#include "tests/simulation/shrink.hpp"

#include <algorithm>

#include "tests/simulation/world.hpp"

namespace wsidecar::simulation {

outcome run_schedule(lua_host& lua, const schedule& s, bool trace) {
    world w(lua, s, trace);
    w.run();
    return {w.book().violations, w.digest()};
}

schedule shrink(lua_host& lua, schedule s, const std::string& kind) {
    int runs = 0;
    const auto breaks = [&](const schedule& x) {
        ++runs;
        const auto r = run_schedule(lua, x, false);
        return std::any_of(r.violations.begin(), r.violations.end(), [&](const violation& v) { return v.kind == kind; });
    };
    for (bool better = true; better && runs < 600;) {
        better = false;
        for (std::size_t group = std::max<std::size_t>(1, s.actions.size() / 2); group > 0; group /= 2) {
            for (std::size_t at = 0; at + group <= s.actions.size() && runs < 600;) {
                schedule less = s;
                const auto from = less.actions.begin() + static_cast<std::ptrdiff_t>(at);
                less.actions.erase(from, from + static_cast<std::ptrdiff_t>(group));
                if (breaks(less)) {
                    s = std::move(less);
                    better = true;
                } else {
                    at += group;
                }
            }
        }
        if (s.pods > 2) {
            schedule less = s;
            --less.pods;
            if (breaks(less)) {
                s = std::move(less);
                better = true;
            }
        }
    }
    return s;
}

}  // namespace wsidecar::simulation
