#include "sidecar/redis/heartbeat.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace wsidecar::redis {
namespace {

constexpr std::int64_t day_ms = 86'400'000;

heartbeat::outcome outcome_of(proto::reply_view r) {
    using outcome = heartbeat::outcome;
    constexpr auto words = std::to_array<std::pair<std::string_view, outcome>>({{"ok", outcome::renewed},
                                                                                {"dead", outcome::fenced},
                                                                                {"layout", outcome::other_layout},
                                                                                {"shards", outcome::other_shards},
                                                                                {"config", outcome::other_config},
                                                                                {"format", outcome::other_format},
                                                                                {"who", outcome::names_wanted}});
    const auto found =
        std::find_if(words.begin(), words.end(), [word = r[0].text()](const auto& w) { return w.first == word; });
    return r.is_null() ? outcome::unanswered : found == words.end() ? outcome::refused : found->second;
}

}  // namespace

heartbeat read_heartbeat(proto::reply_view r) {
    heartbeat h;
    h.what = outcome_of(r);
    if (h.what == heartbeat::outcome::refused) {
        h.detail = r.text();
    } else if (h.what != heartbeat::outcome::renewed) {
        const auto tombstone = r[1].text();
        h.told = tombstone == "unknown" ? core::ends_told::no
                 : tombstone == "again" ? core::ends_told::perhaps
                                        : core::ends_told::yes;
        h.detail = r[1].text();
        h.peer = r[2].text();
    } else {
        h.epoch = r[1].text();
        h.generation = r[2].text();
        h.was_held = r[3].integer() != 0;
        h.broadcast_cursor = r[4].text();
        h.roster = r[5].integer();
        h.began = r[6].integer() == 1;
        h.overflowed = r[7].integer() == 1;
        const auto todo = r[8].integer();
        h.todo = {(todo & 1) != 0, (todo & 2) != 0, (todo & 4) != 0, (todo & 8) != 0};
        if (const auto age = r[9].integer(); age >= 0) {
            h.sharded_for = std::chrono::milliseconds(std::min(age, day_ms));
        }
    }
    return h;
}

std::string conflict_of(const heartbeat& h, const std::string& prefix, int format, unsigned shards) {
    switch (h.what) {
        case heartbeat::outcome::other_layout:
            return "what is stored in Redis under the prefix \"" + prefix +
                   "\" was written by a version before 0.2, which this one cannot read; let the old instances drain, then "
                   "delete these keys or use another prefix";
        case heartbeat::outcome::other_shards:
            return "what is under the prefix \"" + prefix + "\" is spread over " + h.detail + " shards, and `shards` is " +
                   std::to_string(shards) + " here: nothing would be found any more; see \"shards\" in sidecar/operating.md";
        case heartbeat::outcome::other_config:
            return "configured otherwise than the live instance " + h.peer + ", which has " + h.detail +
                   "; lease, shards, outbox.pop and outbox.key must be the same for one prefix";
        case heartbeat::outcome::other_format:
            return "what this version stores in Redis has format " + std::to_string(format) + ", the live instance " + h.peer +
                   " has " + h.detail + "; only neighbours mix: upgrade by way of the release between them";
        default: return {};
    }
}

}  // namespace wsidecar::redis
