#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/core/place.hpp"

namespace wsidecar::core {

/// How far a receiver has come: a place in the order of each shard that concerns it. A service with one shard has one order.
class position {
public:
    /// More than any service has shards.
    static constexpr std::size_t most = 64;

    position() = default;
    position(place p) { reach(p); }  // NOLINT(google-explicit-constructor): with one shard, a place is a position

    explicit operator bool() const { return !places_.empty(); }
    bool operator==(const position&) const = default;
    auto begin() const { return places_.begin(); }
    auto end() const { return places_.end(); }

    /// The place in one order (order_of); 0-0 if none is known.
    place in(std::uint64_t order) const {
        const auto at = find(order);
        return at != places_.end() && order_of(*at) == order ? *at : place();
    }
    /// Whether `p` is not behind this position. False if nothing is known about its order.
    bool covers(place p) const { return p && p <= in(order_of(p)); }
    /// Advances to `p`. Returns false if `p` was reached before.
    bool reach(place p) {
        if (!p || covers(p)) {
            return false;
        }
        const auto at = find(order_of(p));
        if (at != places_.end() && order_of(*at) == order_of(p)) {
            places_[static_cast<std::size_t>(at - places_.begin())] = p;
        } else if (places_.size() < most) {
            places_.insert(at, p);
        }
        return true;
    }
    /// Removes what is known about the order of `p`.
    void forget(place p) {
        std::erase_if(places_, [&](place x) { return order_of(x) == order_of(p); });
    }

private:
    std::vector<place>::const_iterator find(std::uint64_t order) const {
        return std::lower_bound(places_.begin(), places_.end(), order,
                                [](place x, std::uint64_t o) { return order_of(x) < o; });
    }

    std::vector<place> places_;  ///< one for each order, sorted by the shard's number
};

/// Writes a position as `<ms>-<seq>`, or with several shards as `<shard>:<ms>-<seq>` for each, separated by commas: the ids of
/// server-sent events.
inline std::string text_of(const position& p) {
    std::string out;
    for (const place at : p) {
        out.append(out.empty() ? "" : ",");
        if (order_of(at) > 0) {
            out.append(std::to_string(order_of(at) - 1)).append(":");
        }
        out.append(text_of(without_shard(at)));
    }
    return out;
}

/// Parses the position of a receiver of a service with one or `several` shards. Returns nullopt if the text is malformed. A place without a
/// shard is in shard 0, whose order a service keeps when it grows.
inline std::optional<position> read_position(std::string_view text, bool several) {
    position out;
    for (bool more = true; more;) {
        const auto comma = text.find(',');
        std::string_view one = text.substr(0, comma);
        more = comma != std::string_view::npos;
        text.remove_prefix(more ? comma + 1 : text.size());
        unsigned shard = 0;
        if (const auto colon = one.find(':'); colon != std::string_view::npos) {
            const auto [end, ec] = std::from_chars(one.data(), one.data() + colon, shard);
            if (!several || ec != std::errc{} || end != one.data() + colon || shard >= position::most) {
                return std::nullopt;
            }
            one.remove_prefix(colon + 1);
        }
        const auto read = read_place(one);
        if (!read) {
            return std::nullopt;
        }
        const place p{read->ms, std::min(read->seq, shard_unit - 1)};
        const place at = several ? in_shard(p, shard) : p;
        if (out.in(order_of(at))) {
            return std::nullopt;  // a shard is named twice
        }
        out.reach(at);
    }
    return out;
}

}  // namespace wsidecar::core
