#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace wsidecar::core {

/// Finds things by the names that they hold themselves: 12 bytes a place, of which at most three quarters are taken, where a node
/// of std::unordered_map with its key takes a hundred. Each name stands in it once, and must not change while it does. Owns
/// nothing. `NameOf`: a const T& to its name.
template <class T, class NameOf>
class name_table {
public:
    /// Null: nobody has this name.
    T* find(std::string_view name) const {
        const std::size_t at = place_of(name);
        return at == nowhere ? nullptr : things_[at];
    }
    bool contains(std::string_view name) const { return find(name) != nullptr; }
    std::size_t size() const { return size_; }

    /// Nobody has its name yet.
    void insert(T& thing) {
        if ((size_ + 1) * 4 > things_.size() * 3) {
            grow();
        }
        put(thing, hash(NameOf{}(thing)));
        ++size_;
    }

    /// `thing` takes the place of another with the same name.
    void replace(T& thing) { things_[place_of(NameOf{}(thing))] = &thing; }

    void erase(std::string_view name) {
        std::size_t hole = place_of(name);
        if (hole == nowhere) {
            return;
        }
        // Who stands behind and would rather stand here moves up: a search ends at the first empty place.
        const std::size_t mask = things_.size() - 1;
        for (std::size_t at = (hole + 1) & mask; things_[at] != nullptr; at = (at + 1) & mask) {
            if (((at - hashes_[at]) & mask) >= ((at - hole) & mask)) {
                things_[hole] = things_[at];
                hashes_[hole] = hashes_[at];
                hole = at;
            }
        }
        things_[hole] = nullptr;
        --size_;
    }

private:
    static constexpr std::size_t nowhere = ~std::size_t{};

    static std::uint32_t hash(std::string_view name) {
        const std::uint64_t h = std::hash<std::string_view>()(name);
        return static_cast<std::uint32_t>(h ^ h >> 32U);
    }

    std::size_t place_of(std::string_view name) const {
        if (size_ == 0) {
            return nowhere;
        }
        const std::uint32_t wanted = hash(name);
        const std::size_t mask = things_.size() - 1;
        for (std::size_t at = wanted & mask; things_[at] != nullptr; at = (at + 1) & mask) {
            if (hashes_[at] == wanted && NameOf{}(*things_[at]) == name) {
                return at;
            }
        }
        return nowhere;
    }

    void put(T& thing, std::uint32_t hash) {
        const std::size_t mask = things_.size() - 1;
        std::size_t at = hash & mask;
        while (things_[at] != nullptr) {
            at = (at + 1) & mask;
        }
        things_[at] = &thing;
        hashes_[at] = hash;
    }

    void grow() {
        const auto things = std::exchange(things_, std::vector<T*>(things_.empty() ? 16 : things_.size() * 2));
        const auto hashes = std::exchange(hashes_, std::vector<std::uint32_t>(things_.size()));
        for (std::size_t i = 0; i < things.size(); ++i) {
            if (things[i] != nullptr) {
                put(*things[i], hashes[i]);
            }
        }
    }

    std::vector<T*> things_;             ///< a power of two of them; null: an empty place
    std::vector<std::uint32_t> hashes_;  ///< of their names
    std::size_t size_ = 0;
};

}  // namespace wsidecar::core
