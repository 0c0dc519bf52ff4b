#include "sidecar/redis/stream_progress.hpp"

#include <algorithm>

namespace wsidecar::redis {

bool stream_progress::begin(core::place id) {
    const bool is_new = id > (open_.empty() ? settled_ : open_.back().id);
    if (is_new) {
        open_.push_back({id, false});
    }
    return is_new;
}

void stream_progress::end(core::place id) {
    const auto at = std::lower_bound(open_.begin(), open_.end(), id, [](const entry& e, core::place p) { return e.id < p; });
    if (at != open_.end() && at->id == id) {
        at->settled = true;
    }
    while (!open_.empty() && open_.front().settled) {
        settled_ = open_.front().id;
        open_.pop_front();
    }
}

void stream_progress::reset(core::place settled) {
    open_.clear();
    settled_ = settled;
}

}  // namespace wsidecar::redis
