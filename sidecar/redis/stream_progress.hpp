#pragma once

#include <deque>

#include "sidecar/core/place.hpp"

namespace wsidecar::redis {

/// How far an instance has come in one stream: the ids that it has taken, from the first that is not settled on. Entries end in any order, and
/// Redis is told only up to where all have ended, so that a survivor finds the others.
class stream_progress {
public:
    /// An entry was read. False: it, or one behind it, was read before.
    bool begin(core::place id);
    /// It is settled. Ids that are not known, or settled already, change nothing.
    void end(core::place id);
    /// All entries up to this id are settled.
    core::place settled() const { return settled_; }
    void reset(core::place settled);

private:
    struct entry {
        core::place id;
        bool settled;
    };
    std::deque<entry> open_;  ///< in order; the first is not settled
    core::place settled_;
};

}  // namespace wsidecar::redis
