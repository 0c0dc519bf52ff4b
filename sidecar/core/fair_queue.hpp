#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

namespace wsidecar::core {

/// A queue for a limited number of places, which is fair between owners. Owners take turns, and an owner that holds its share of places gets
/// no further one, so a user with slow requests does not delay others. Owner 0 means none and has no share. The items of one owner leave in
/// order. Each operation costs one look-up, whatever the number of owners. Event loop only.
template <class T>
class fair_queue {
public:
    using owner = std::uint64_t;

    bool empty() const { return size_ == 0; }
    std::size_t size() const { return size_; }

    /// Whether the owner holds its share of places.
    bool has_all(owner o, std::size_t share) const { return held(o) >= room(o, share); }
    /// Whether an item of this owner may go without waiting: no item of the owner waits, and the owner holds fewer than `share` places.
    bool may_go(owner o, std::size_t share) const { return !waiting_.contains(o) && held(o) < room(o, share); }
    void push(owner o, T item) {
        auto& items = waiting_[o];
        if (items.empty()) {
            turns_.push_back(o);
        }
        items.push_back(std::move(item));
        ++size_;
    }
    /// Removes and returns the first item of the next owner that holds fewer than `share` places; nullopt if there is none.
    std::optional<T> pop(std::size_t share) {
        for (std::size_t i = 0; i < turns_.size(); ++i) {
            const owner o = turns_.front();
            turns_.pop_front();
            if (held(o) >= room(o, share)) {
                turns_.push_back(o);
                continue;
            }
            const auto it = waiting_.find(o);
            T item = std::move(it->second.front());
            it->second.pop_front();
            --size_;
            if (it->second.empty()) {
                waiting_.erase(it);
            } else {
                turns_.push_back(o);
            }
            return item;
        }
        return std::nullopt;
    }
    void clear() {
        waiting_.clear();
        turns_.clear();
        held_.clear();
        size_ = 0;
    }

    /// An item of this owner has taken a place, or given it back.
    void take_place(owner o) { ++held_[o]; }
    void give_back(owner o) {
        if (const auto it = held_.find(o); it != held_.end() && --it->second == 0) {
            held_.erase(it);
        }
    }

private:
    static std::size_t room(owner o, std::size_t share) { return o == 0 ? ~std::size_t{} : share; }
    std::size_t held(owner o) const {
        const auto it = held_.find(o);
        return it == held_.end() ? 0 : it->second;
    }

    std::unordered_map<owner, std::deque<T>> waiting_;
    std::deque<owner> turns_;  ///< each owner that waits, once
    boost::unordered_flat_map<owner, std::size_t> held_;
    std::size_t size_ = 0;
};

}  // namespace wsidecar::core
