// registry: who else is there.

#include "sidecar/redis/registry.hpp"

namespace wsidecar::redis {

/// Who is there, so that a Redis that has lost its data can be told whom to wait for.
void registry::take_roster(std::int64_t number) {
    if (number == roster_.number()) {
        return;
    }
    link_.send({"HKEYS", keys_("instances")}, [this, number](proto::reply_view r) {
        if (!r.is_array()) {
            return;
        }
        std::vector<std::string> all;
        for (std::size_t i = 0; i < r.size(); ++i) {
            all.emplace_back(r[i].text());
        }
        roster_.take(number, std::move(all));
    });
}

void registry::on_roll_call(std::string_view who) {
    if (who.starts_with('+') && roster_.is_large() && !roster_.on_duty()) {
        roster_.add(who.substr(1));
    } else {
        beat();
    }
}

}  // namespace wsidecar::redis
