#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "proto/resp.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/redis/command_port.hpp"

namespace wsidecar::redis {

/// Where a router is in a stream of `sources`, which it reads with a consumer group (lua/parts/streams.lua). A group that vanishes is made again there.
/// Of a list there is no position, and every call does nothing.
class source_position {
public:
    /// `group`: empty for a list. `from`: where a stream without that group is read from, $ or 0-0. `state`: the key of its hash, `stream:<name>`.
    source_position(std::string list, std::string group, std::string from, std::string state)
        : list_(std::move(list)), group_(std::move(group)), from_(std::move(from)), state_(std::move(state)) {}

    bool is_stream() const { return !group_.empty(); }
    const std::string& group() const { return group_; }
    /// The id behind which a new group begins.
    const std::string& begin() const { return routed_.empty() ? from_ : routed_; }

    /// Another instance routes it: asks how far that one has come (HGET).
    void follow(command_port& link);
    /// What lua/peek.lua has said. Counts entries that were deleted before they were read.
    void on_peek(proto::reply_view r, core::metrics& m);
    /// Something else is under its name: what comes there after it is new.
    void on_other_type();
    /// A command that waits for the next entry. It does without the group, so that nothing is read that is not routed.
    std::vector<std::string> wait_command(std::chrono::milliseconds patience) const;

private:
    std::string list_;
    std::string group_;
    std::string from_;
    std::string state_;
    std::string routed_;  ///< all up to this id is routed, as far as this instance has heard
    std::string last_;    ///< the stream's last id when it was looked at
};

}  // namespace wsidecar::redis
