// router: what it tells of pushes, for whoever asks where one went.

#include "sidecar/redis/batch.hpp"
#include "sidecar/redis/router.hpp"

namespace wsidecar::redis {

/// `told`: of each push that no instance was given: its number among the actions (or its id), target, outcome, reason.
void router::tell_ended(proto::reply_view told, const batch& b) const {
    for (const auto& e : b.ended_here) {
        if (!e.id.empty()) {
            feed_.ended(e.id, e.target, e.outcome, e.reason);
        }
    }
    std::vector<bool> given_to_nobody(b.ids.size());
    for (std::size_t i = 0; i + 3 < told.size(); i += 4) {
        const auto number = static_cast<std::size_t>(told[i].integer());
        if (told[i].is_string()) {
            feed_.ended(std::string(told[i].text()), told[i + 1].text(), told[i + 2].text(), told[i + 3].text());
        } else if (number < b.ids.size() && !b.ids[number].empty()) {
            given_to_nobody[number] = true;
            feed_.ended(b.ids[number], told[i + 1].text(), told[i + 2].text(), told[i + 3].text());
        }
    }
    for (std::size_t i = 0; i < b.ids.size(); ++i) {
        if (!given_to_nobody[i] && !b.ids[i].empty()) {
            feed_.ended(b.ids[i], {}, "routed", {});
        }
    }
}

}  // namespace wsidecar::redis
