#include "sidecar/redis/source_position.hpp"

#include "sidecar/core/log.hpp"

namespace wsidecar::redis {

void source_position::follow(command_port& link) {
    if (!is_stream()) {
        return;
    }
    link.send({"HGET", state_, "routed"}, [this](proto::reply_view r) {
        if (r.is_string()) {
            routed_ = r.text();
        }
    });
}

void source_position::on_peek(proto::reply_view r, core::metrics& m) {
    if (r.size() < 7) {
        return;  // a list, or parts of an entry
    }
    if (!r[5].text().empty()) {
        last_ = r[5].text();
    }
    routed_ = r[6].text();
    if (const auto lost = r[4].integer(); lost > 0) {
        m.undelivered[core::undelivered_reason::trimmed] += static_cast<double>(lost);
        m.hit("trimmed", static_cast<double>(lost));
        core::log::warn("router",
                        "entries of a stream were deleted before they were routed: its MAXLEN or XTRIM leaves too little time",
                        {{"stream", list_}, {"entries", static_cast<std::size_t>(lost)}});
    } else if (lost < 0) {
        core::log::limited(core::log::level::warn, "router",
                           "a stream begins behind what was routed last: entries may have been deleted before they were read "
                           "(Redis 7 counts them)",
                           {{"stream", list_}});
    }
}

void source_position::on_other_type() {
    if (routed_.empty()) {
        routed_ = "0-0";
    }
}

std::vector<std::string> source_position::wait_command(std::chrono::milliseconds patience) const {
    return {"XREAD", "COUNT", "1", "BLOCK", std::to_string(patience.count()), "STREAMS", list_, last_.empty() ? "$" : last_};
}

}  // namespace wsidecar::redis
