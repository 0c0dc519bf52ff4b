#pragma once

#include <iterator>
#include <utility>
#include <vector>

#include "sidecar/core/addressing.hpp"

namespace wsidecar::core {

/// Whether this connection is left out of a push of its history: by `except`, or by the route that the push is for.
inline bool is_left_out(const connection& c, const proto::envelope& push) {
    return !(push.to.routes.empty() || c.is_on(push.to.routes)) || is_excepted(c, push.except);
}

/// Puts `fresh`, which is in order, among what waits: live pushes that came before the history was read are in it, or before or
/// behind it. What has no place, a channel's, stays where it was.
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
