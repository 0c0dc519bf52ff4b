#include "sidecar/redis/commit_result.hpp"

#include <vector>

#include "sidecar/core/log.hpp"
#include "sidecar/redis/upkeep.hpp"

namespace wsidecar::redis {

void count_commit(proto::reply_view r, const batch& b, core::metrics& m, const std::string& list) {
    m.routed.value() += static_cast<double>(r[1].integer());
    count_ends(m, m.undelivered, "no_connection", r[2]);
    count_ends(m, m.undelivered, "connection_gone", r[3]);
    m.inbox_overflowed.value() += static_cast<double>(r[4].integer());
    m.mailbox_stored.value() += static_cast<double>(r[6].integer());
    count_ends(m, m.undelivered, "mailbox_full", r[7]);
    m.receipts_failed.value() += static_cast<double>(r[8].integer());
    if (b.expired > 0) {
        m.undelivered[core::undelivered_reason::expired] += static_cast<double>(b.expired);
    }
    for (std::size_t i = 0; i < b.rejected.size(); ++i) {
        const auto& reason = b.rejected[i];
        m.rejected.at({reason}) += 1;
        // Each reason has a line of its own: one kind of mistake does not hide another.
        const auto told = i < b.rejected_told.size() ? b.rejected_told[i] : batch::told{{}, reason};
        core::log::limited(core::log::level::warn, "router", "an entry of a list is rejected: " + told.words,
                           {{"list", list}, {"id", told.id}});
    }
    m.parked.value() += static_cast<double>(r[11].integer());
    if (r[12].integer() > 0) {
        m.history_problems.at({"not_kept"}) += static_cast<double>(r[12].integer());
        core::log::limited(core::log::level::error, "router",
                           "a push could not be kept in a history: Redis is full, or something else is under its name");
    }
    m.hit("histories", static_cast<double>(r[13].integer()));
}

void tell_ended(proto::reply_view told, const batch& b, const push_ended& tell) {
    for (const auto& e : b.ended_here) {
        if (!e.id.empty()) {
            tell(e.id, e.target, e.outcome, e.reason);
        }
    }
    std::vector<bool> given_to_nobody(b.ids.size());
    for (std::size_t i = 0; i + 3 < told.size(); i += 4) {
        const auto number = static_cast<std::size_t>(told[i].integer());
        if (told[i].is_string()) {
            tell(told[i].text(), told[i + 1].text(), told[i + 2].text(), told[i + 3].text());
        } else if (number < b.ids.size() && !b.ids[number].empty()) {
            given_to_nobody[number] = true;
            tell(b.ids[number], told[i + 1].text(), told[i + 2].text(), told[i + 3].text());
        }
    }
    for (std::size_t i = 0; i < b.ids.size(); ++i) {
        if (!given_to_nobody[i] && !b.ids[i].empty()) {
            tell(b.ids[i], {}, "routed", {});
        }
    }
}

}  // namespace wsidecar::redis
