#include "sidecar/redis/link_news.hpp"

#include <algorithm>

#include "sidecar/core/log.hpp"

namespace wsidecar::redis {
namespace log = core::log;
using namespace std::chrono_literals;

namespace {

constexpr auto gathering = 1000ms;  ///< links dial again, and their time is over, within a second of each other
constexpr auto rest = 2000ms;

}  // namespace

link_news::~link_news() {
    for (auto& [which, gathered] : lines_) {
        write(which, gathered);
    }
}

void link_news::tell(event what, const std::string& link, const std::string& to, const std::string& error) {
    const auto [at, is_new] = lines_.try_emplace(key(what, to, error), loop_);
    auto& links = at->second.links;
    if (std::find(links.begin(), links.end(), link) == links.end()) {
        links.push_back(link);
    }
    ++at->second.times;
    if (is_new) {
        wait(at->first, at->second, gathering);
    }
}

/// Then writes the line and pauses. A line with nothing to report is dropped.
void link_news::wait(const key& which, line& gathered, std::chrono::milliseconds how_long) {
    gathered.due.expires_after(how_long);
    gathered.due.async_wait([this, &which, &gathered](boost::system::error_code ec) {
        if (ec) {
            return;
        }
        if (gathered.links.empty()) {
            lines_.erase(lines_.find(which));
            return;
        }
        write(which, gathered);
        wait(which, gathered, rest);
    });
}

void link_news::write(const key& which, line& gathered) {
    if (gathered.links.empty()) {
        return;
    }
    std::string links;
    for (const auto& name : gathered.links) {
        links += (links.empty() ? "" : ", ") + name;
    }
    const auto& [what, to, error] = which;
    if (what == event::connected) {
        log::info("redis", "connected", {{"link", links}, {"to", to}});
    } else if (gathered.times > gathered.links.size()) {
        log::warn("redis", what == event::lost ? "connection lost" : "cannot connect",
                  {{"link", links}, {"to", to}, {"error", error}, {"times", gathered.times}});
    } else {
        log::warn("redis", what == event::lost ? "connection lost" : "cannot connect",
                  {{"link", links}, {"to", to}, {"error", error}});
    }
    gathered.links.clear();
    gathered.times = 0;
}

}  // namespace wsidecar::redis
