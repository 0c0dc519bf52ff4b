#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "proto/text/cidr.hpp"
#include "sidecar/core/keyed_hash.hpp"

namespace wsidecar::net {

struct address_hash {
    std::size_t operator()(const proto::ip_bytes& a) const {
        return core::keyed_hash({reinterpret_cast<const char*>(a.data()), a.size()});
    }
};

/// Counts connections by client address, grouped by proto::address_group (connections_per_address). Must outlive its slots. Event loop only.
class address_count {
    struct entry {
        address_count* owner;
        const proto::ip_bytes* address;
        std::uint32_t count = 0;
    };
    struct give_back {
        void operator()(entry* e) const {
            if (--e->count == 0) {
                e->owner->entries_.erase(proto::ip_bytes(*e->address));
            }
        }
    };

public:
    /// Counts one connection as long as it lives; an empty slot counts none. It has 8 bytes, because every session has one.
    using slot = std::unique_ptr<entry, give_back>;

    std::uint32_t count(std::string_view address) const {
        const auto it = entries_.find(proto::address_group(address));
        return it == entries_.end() ? 0 : it->second.count;
    }

    slot take(std::string_view address) {
        const auto [it, fresh] = entries_.try_emplace(proto::address_group(address), entry{this, nullptr});
        it->second.address = &it->first;
        ++it->second.count;
        return slot(&it->second);
    }

private:
    std::unordered_map<proto::ip_bytes, entry, address_hash> entries_;
};

}  // namespace wsidecar::net
