// simulate: runs schedules until a promise breaks. See README.md here.

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <sstream>

#include "sidecar/core/log.hpp"
#include "sidecar/redis/roster.hpp"
#include "tests/simulation/shrink.hpp"
#include "tests/simulation/world.hpp"

namespace wsidecar::simulation {
namespace {

using clock = std::chrono::steady_clock;

struct arguments {
    std::uint64_t seed = 0;
    bool one = false;
    std::uint64_t schedules = 0;
    double seconds = 0;
    int jobs = 1;
    bool trace = false;
    bool shrink = false;
    bool keep_going = false;
    bool digest = false;
    choice kinds;
    std::string given;  ///< what chose the kinds
};

int usage() {
    std::fputs(
        "simulate [--seed N | --today] [--schedules N] [--seconds S] [--jobs N] [--only KIND,...] [--no-faults] [--shards N] "
        "[--keep-going]\n"
        "         [--trace] [--shrink] [--digest] [--on-duty N]\n"
        "--seed N alone runs that one schedule; with --schedules or --seconds it is the first of many.\n"
        "Without a seed the first one is taken from the time. Kinds:",
        stderr);
    for (std::size_t i = 0; i < acts; ++i) {
        if (is_fault(static_cast<act>(i)) || static_cast<act>(i) >= act::app_refuses) {
            std::fprintf(stderr, " %s", name_of(static_cast<act>(i)));
        }
    }
    std::fputs("\n", stderr);
    return 2;
}

bool parse(int argc, char** argv, arguments& a) {
    for (int i = 1; i < argc; ++i) {
        const std::string o = argv[i];
        const auto value = [&] { return i + 1 < argc ? argv[++i] : ""; };
        if (o == "--seed") {
            a.seed = std::strtoull(value(), nullptr, 10);
            a.one = true;
        } else if (o == "--today") {
            using days = std::chrono::duration<std::int64_t, std::ratio<86400>>;
            a.seed = static_cast<std::uint64_t>(
                         std::chrono::duration_cast<days>(std::chrono::system_clock::now().time_since_epoch()).count()) *
                     100000;
            a.one = true;
        } else if (o == "--schedules") {
            a.schedules = std::strtoull(value(), nullptr, 10);
        } else if (o == "--seconds") {
            a.seconds = std::strtod(value(), nullptr);
        } else if (o == "--jobs") {
            a.jobs = std::atoi(value());
        } else if (o == "--trace") {
            a.trace = true;
        } else if (o == "--shrink") {
            a.shrink = true;
        } else if (o == "--digest") {
            a.digest = true;
        } else if (o == "--keep-going") {
            a.keep_going = true;
        } else if (o == "--on-duty") {
            redis::roster::seats = std::strtoull(value(), nullptr, 10);
            a.given += " --on-duty " + std::to_string(redis::roster::seats);
        } else if (o == "--no-faults") {
            a.kinds.no_faults = true;
            a.given += " --no-faults";
        } else if (o == "--shards") {
            a.kinds.shards = static_cast<unsigned>(std::strtoul(value(), nullptr, 10));
            a.given += " --shards " + std::to_string(a.kinds.shards);
            if (a.kinds.shards < 1 || a.kinds.shards > 64) {
                return false;
            }
        } else if (o == "--only") {
            const std::string kinds = value();
            a.given += " --only " + kinds;
            std::istringstream in(kinds);
            for (std::string kind; std::getline(in, kind, ',');) {
                std::size_t k = 0;
                for (; k < acts && kind != name_of(static_cast<act>(k)); ++k) {
                }
                if (k == acts) {
                    return false;
                }
                a.kinds.only.push_back(static_cast<act>(k));
            }
        } else {
            return false;
        }
    }
    return true;
}

int run_one(lua_host& lua, const arguments& a) {
    auto s = make_schedule(a.seed, a.kinds);
    const auto first = run_schedule(lua, s, false);
    if (a.digest) {
        std::printf("digest %016llx\n", static_cast<unsigned long long>(first.digest));
    }
    if (a.shrink && !first.violations.empty()) {
        s = shrink(lua, s, first.violations[0].kind);
    }
    if (a.trace) {
        (void)run_schedule(lua, s, true);
    }
    const auto last = a.shrink ? run_schedule(lua, s, false) : first;
    std::printf("seed %llu: %d instances, lease %d s, Redis %d%s, until %lld ms\n", static_cast<unsigned long long>(s.seed),
                s.pods, s.lease, s.redis, s.no_info ? " without INFO" : "", static_cast<long long>(s.until / ms));
    for (const auto& x : s.actions) {
        std::printf("  %s\n", x.describe().c_str());
    }
    for (const auto& v : last.violations) {
        std::printf("BROKEN %s: %s\n", v.kind.c_str(), v.what.c_str());
    }
    return last.violations.empty() ? 0 : 1;
}

/// Seeds first, first + jobs, ... One line for each that broke; the last says how many ran.
int worker(const arguments& a, std::uint64_t first, clock::time_point begun, int out) {
    lua_host lua;
    std::uint64_t n = 0;
    int bad = 0;
    for (std::uint64_t seed = first;; seed += static_cast<std::uint64_t>(a.jobs)) {
        if (a.schedules > 0 && seed >= a.seed + a.schedules) {
            break;
        }
        if (a.seconds > 0 && std::chrono::duration<double>(clock::now() - begun).count() > a.seconds) {
            break;
        }
        dprintf(out, "B %llu\n", static_cast<unsigned long long>(seed));
        const auto s = make_schedule(seed, a.kinds);
        const auto r = run_schedule(lua, s, false);
        ++n;
        std::set<std::string> kinds;
        for (const auto& v : r.violations) {
            if (kinds.insert(v.kind).second) {
                std::string faults;
                for (const auto& x : s.actions) {
                    faults += is_fault(x.what) || x.what >= act::app_refuses
                                  ? std::string(" ") + name_of(x.what) + "@" + std::to_string(x.when / ms)
                                  : "";
                }
                dprintf(out, "V seed %llu: %s: %s [%s ]\n", static_cast<unsigned long long>(seed), v.kind.c_str(),
                        v.what.c_str(), faults.c_str());
            }
        }
        bad += !r.violations.empty();
        if (bad > 0 && !a.keep_going) {
            break;
        }
    }
    dprintf(out, "N %llu %d\n", static_cast<unsigned long long>(n), bad);
    return 0;
}

int run_many(const arguments& a) {
    const auto begun = clock::now();
    struct child {
        pid_t pid;
        int in;  ///< -1: it has ended
        std::string text, last;
        bool done = false;
    };
    std::vector<child> children;
    std::printf("first seed %llu\n", static_cast<unsigned long long>(a.seed));
    std::fflush(stdout);
    for (int i = 0; i < a.jobs; ++i) {
        int ends[2];
        if (pipe(ends) != 0) {
            return 2;
        }
        const pid_t pid = fork();
        if (pid == 0) {
            close(ends[0]);
            if (freopen("/dev/null", "w", stdout) == nullptr) {
                _exit(2);
            }
            _exit(worker(a, a.seed + static_cast<std::uint64_t>(i), begun, ends[1]));
        }
        close(ends[1]);
        children.push_back({pid, ends[0], "", "", false});
    }
    std::uint64_t n = 0, bad = 0;
    int result = 0;
    const auto take = [&](child& c, const std::string& line) {
        if (line[0] == 'B') {
            c.last = line.substr(2);
        } else if (line[0] == 'V') {
            std::printf("BROKEN %s\n", line.c_str() + 2);
            std::fflush(stdout);
        } else {
            unsigned long long k = 0;
            unsigned long long b = 0;
            std::sscanf(line.c_str(), "N %llu %llu", &k, &b);
            n += k;
            bad += b;
            c.done = true;
        }
    };
    for (std::size_t open = children.size(); open > 0;) {
        std::vector<pollfd> waiting;
        for (const auto& c : children) {
            waiting.push_back({c.in, POLLIN, 0});
        }
        poll(waiting.data(), waiting.size(), -1);
        for (std::size_t i = 0; i < children.size(); ++i) {
            auto& c = children[i];
            if (waiting[i].revents == 0) {
                continue;
            }
            char buffer[4096];
            const auto got = read(c.in, buffer, sizeof buffer);
            if (got <= 0) {
                close(c.in);
                c.in = -1;
                --open;
                continue;
            }
            c.text.append(buffer, static_cast<std::size_t>(got));
            for (auto end = c.text.find('\n'); end != std::string::npos; end = c.text.find('\n')) {
                take(c, c.text.substr(0, end));
                c.text.erase(0, end + 1);
            }
        }
    }
    for (const auto& c : children) {
        waitpid(c.pid, nullptr, 0);
        if (!c.done) {
            std::printf("CRASHED in seed %s\n", c.last.c_str());
            result = 1;
        }
    }
    const double took = std::chrono::duration<double>(clock::now() - begun).count();
    std::printf("%llu schedules in %.1f s (%.0f a minute), %llu broke a promise\n", static_cast<unsigned long long>(n), took,
                static_cast<double>(n) * 60 / took, static_cast<unsigned long long>(bad));
    if (bad > 0) {
        std::printf("to see one: simulate --seed N%s --shrink --trace\n", a.given.c_str());
    }
    return bad > 0 ? 1 : result;
}

}  // namespace
}  // namespace wsidecar::simulation

int main(int argc, char** argv) {
    using namespace wsidecar::simulation;
    arguments a;
    if (!parse(argc, argv, a) || a.jobs < 1) {
        return usage();
    }
    wsidecar::core::log::configure(wsidecar::core::log::level::error, wsidecar::core::log::format::text);
    if (!a.one) {
        a.seed = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count() / 1000000) % 1000000000;
    }
    if (a.one && a.schedules == 0 && a.seconds == 0) {
        lua_host lua;
        return run_one(lua, a);
    }
    if (a.schedules == 0 && a.seconds == 0) {
        a.schedules = 1000;
    }
    return run_many(a);
}
