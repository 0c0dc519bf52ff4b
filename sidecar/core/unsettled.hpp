#pragma once

#include <algorithm>
#include <cstdint>

#include "sidecar/core/ports.hpp"

namespace wsidecar::core {

/// Takes the first frame that `wanted(frame)` wants out of those that wait, if it is a push whose outcome somebody waits for.
/// Returns its tag; 0: there is none.
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
