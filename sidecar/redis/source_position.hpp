#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "proto/resp.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/redis/command_port.hpp"

namespace wsidecar::redis {

/// A router's position in a stream of `sources`, which it reads with a consumer group (lua/parts/streams.lua). A group that has been
/// destroyed is created again at this position. A list has no position; for it, every call does nothing. Event loop only.
class source_position {
public:
    /// `group` is empty for a list. `from` ($ or 0-0) is where a new group begins. `state` is the key of the stream's hash, `stream:<name>`.
    source_position(std::string list, std::string group, std::string from, std::string state)
        : list_(std::move(list)), group_(std::move(group)), from_(std::move(from)), state_(std::move(state)) {}

    bool is_stream() const { return !group_.empty(); }
    const std::string& group() const { return group_; }
    /// The id after which a new group begins.
    const std::string& begin() const { return routed_.empty() ? from_ : routed_; }

    /// Another instance routes the stream: reads its position (HGET).
    void follow(command_port& link);
    /// Handles a reply of lua/peek.lua. Counts in `m` entries that were deleted before they were read.
    void on_peek(proto::reply_view r, core::metrics& m);
    /// The key holds another type. Everything in a stream that later replaces it is new.
    void on_other_type();
    /// A blocking XREAD that waits for the next entry. It does not use the group, so no entry becomes pending before it is routed.
    std::vector<std::string> wait_command(std::chrono::milliseconds patience) const;

private:
    std::string list_;
    std::string group_;
    std::string from_;
    std::string state_;
    std::string routed_;  ///< everything up to this id is routed, as far as this instance knows
    std::string last_;    ///< the stream's last id when it was last read
};

}  // namespace wsidecar::redis
