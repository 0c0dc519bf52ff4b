#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace wsidecar::net {

/// Counts connections by client address (connections_per_address). Must outlive its slots.
class address_count {
    struct entry {
        address_count* owner;
        const std::string* address;
        std::uint32_t count = 0;
    };
    struct give_back {
        void operator()(entry* e) const {
            if (--e->count == 0) {
                e->owner->entries_.erase(*e->address);
            }
        }
    };

public:
    /// One connection's place; empty: not counted. 8 bytes, because every session has one.
    using slot = std::unique_ptr<entry, give_back>;

    std::uint32_t count(const std::string& address) const {
        const auto it = entries_.find(address);
        return it == entries_.end() ? 0 : it->second.count;
    }

    slot take(const std::string& address) {
        const auto [it, fresh] = entries_.try_emplace(address, entry{this, nullptr});
        it->second.address = &it->first;
        ++it->second.count;
        return slot(&it->second);
    }

private:
    std::unordered_map<std::string, entry> entries_;
};

}  // namespace wsidecar::net
