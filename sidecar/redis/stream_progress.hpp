#pragma once

#include <deque>

#include "sidecar/core/place.hpp"

namespace wsidecar::redis {

/// An instance's progress in one stream: the ids that it has taken, beginning with the first unsettled one. Entries are settled in any
/// order, but Redis gets only the position up to which all are settled, so that a survivor finds the others. Event loop only.
class stream_progress {
public:
    /// Records that an entry was read. Returns false if it or a later one was read before.
    bool begin(core::place id);
    /// Marks an entry as settled. Ids that are unknown or already settled are ignored.
    void end(core::place id);
    /// All entries up to this id are settled.
    core::place settled() const { return settled_; }
    void reset(core::place settled);

private:
    struct entry {
        core::place id;
        bool settled;
    };
    std::deque<entry> open_;  ///< in order of ids; the first is not settled
    core::place settled_;
};

}  // namespace wsidecar::redis
