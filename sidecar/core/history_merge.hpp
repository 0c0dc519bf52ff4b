#pragma once

#include <iterator>
#include <utility>
#include <vector>

#include "sidecar/core/addressing.hpp"

namespace wsidecar::core {

/// Whether a push from a history is not for this connection, because of `except` or of the push's routes.
inline bool is_left_out(const connection& c, const proto::envelope& push) {
    return !(push.to.routes.empty() || c.is_on(push.to.routes)) || is_excepted(c, push.except);
}

/// Merges `fresh`, which is sorted by place, into the waiting pushes. A channel push has no place and keeps its position.
template <class List, class Item>
void merge(List& waiting, std::vector<Item> fresh) {
    List out;
    auto next = fresh.begin();
    const auto take_up_to = [&](place limit) {
        for (; next != fresh.end() && next->at < limit; ++next) {
            out.push_back(std::move(*next));
        }
    };
    for (auto& w : waiting) {
        if (w.at) {
            take_up_to(w.at);
        }
        out.push_back(std::move(w));
    }
    out.insert(out.end(), std::make_move_iterator(next), std::make_move_iterator(fresh.end()));
    waiting = std::move(out);
}

}  // namespace wsidecar::core
