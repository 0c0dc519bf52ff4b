#include "sidecar/core/subscriptions.hpp"

#include <algorithm>

namespace wsidecar::core {

bool subscription::takes(const std::vector<std::string>& destinations) const {
    return !pattern ||
           std::any_of(destinations.begin(), destinations.end(), [this](const auto& d) { return pattern->match(d); });
}

bool is_session_destination(std::string_view destination) {
    return destination.find("-user", destination.rfind('/') + 1) != std::string_view::npos;
}

void subscriptions::enter(subscription& s) {
    if (s.what == subscription::kind::broker) {
        (s.pattern ? patterns_ : exact_)[s.key].push_back(&s);
        ++size_;
    }
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
    if (all.empty()) {
        in.erase(it);
    }
}

}  // namespace wsidecar::core
