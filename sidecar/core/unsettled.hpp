#pragma once

#include <algorithm>
#include <cstdint>

#include "sidecar/core/ports.hpp"

namespace wsidecar::core {

/// Removes the first waiting frame for which `wanted(frame)` holds and that belongs to a push with an outcome to report. Returns its tag, or
/// 0 if there is none.
template <class Waiting, class Wanted>
std::uint64_t take_unsettled(Waiting& waiting, Wanted wanted) {
    const auto found = std::find_if(waiting.begin(), waiting.end(), [&](const auto& frame) {
        return (frame.tag >= first_delivery_id || frame.tag == tag_unconfirmed) && wanted(frame);
    });
    if (found == waiting.end()) {
        return 0;
    }
    const std::uint64_t tag = found->tag;
    waiting.erase(found);
    return tag;
}

}  // namespace wsidecar::core
