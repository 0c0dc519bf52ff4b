#include "sidecar/core/stomp/subscriptions.hpp"

#include <algorithm>

namespace wsidecar::core {

namespace {

constexpr std::size_t steps_of_one = 256;

}  // namespace

std::size_t subscription::weight() const {
    return pattern ? (pattern->cost() + steps_of_one - 1) / steps_of_one : 0;
}

bool subscription::takes(const std::vector<std::string>& destinations) const {
    return !pattern ||
           std::any_of(destinations.begin(), destinations.end(), [this](const auto& d) { return pattern->match(d); });
}

void subscriptions::enter(subscription& s) {
    if (s.what != subscription::kind::broker) {
        return;
    }
    auto& all = (s.pattern ? patterns_ : exact_)[s.key];
    if (s.pattern && all.empty()) {
        const std::string front = s.pattern->fixed_front();
        longest_front_ = std::max(longest_front_, static_cast<std::size_t>(std::count(front.begin(), front.end(), '/')));
        by_front_[front].push_back(&all);
        weight_ += s.weight();
    }
    all.push_back(&s);
    ++size_;
}

void subscriptions::leave(subscription& s) {
    auto& in = s.pattern ? patterns_ : exact_;
    const auto it = s.what == subscription::kind::broker ? in.find(s.key) : in.end();
    if (it == in.end()) {
        return;
    }
    auto& all = it->second;
    if (const auto at = std::find(all.begin(), all.end(), &s); at != all.end()) {
        *at = all.back();
        all.pop_back();
        --size_;
    }
    if (!all.empty()) {
        return;
    }
    if (s.pattern) {
        const auto place = by_front_.find(s.pattern->fixed_front());
        std::erase(place->second, &all);
        if (place->second.empty()) {
            by_front_.erase(place);
        }
        weight_ -= s.weight();
    }
    in.erase(it);
}

}  // namespace wsidecar::core
