#include "sidecar/core/text.hpp"

#include <unordered_map>

namespace wsidecar::core {

struct shared_text::node {
    std::string bytes;
    std::size_t holders = 0;
};

struct shared_text::table {
    std::unordered_map<std::string_view, std::unique_ptr<node>, text_hash, text_equal> nodes;  ///< keys view node::bytes
};

/// Never destroyed: a connection may outlive what a thread keeps.
shared_text::table& shared_text::all() {
    thread_local auto* t = new table;
    return *t;
}

shared_text::shared_text(std::string_view s) {
    if (s.empty()) {
        return;
    }
    auto& nodes = all().nodes;
    auto at = nodes.find(s);
    if (at == nodes.end()) {
        auto fresh = std::make_unique<node>(node{std::string(s)});
        const std::string_view key = fresh->bytes;
        at = nodes.emplace(key, std::move(fresh)).first;
    }
    node_ = at->second.get();
    hold();
}

std::string_view shared_text::view() const {
    return node_ == nullptr ? std::string_view() : std::string_view(node_->bytes);
}

std::size_t shared_text::distinct() {
    return all().nodes.size();
}

void shared_text::hold() {
    if (node_ != nullptr) {
        ++node_->holders;
    }
}

void shared_text::release() {
    if (node_ != nullptr && --node_->holders == 0) {
        auto& nodes = all().nodes;
        const auto at = nodes.find(node_->bytes);
        const auto last = std::move(at->second);  // the key views its bytes
        nodes.erase(at);
    }
}

}  // namespace wsidecar::core
