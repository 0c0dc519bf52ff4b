#include "sidecar/core/keyed_hash.hpp"

#include <random>

namespace wsidecar::core {
namespace {

std::array<std::uint64_t, 3> drawn() {
    std::random_device source;
    std::array<std::uint64_t, 3> keys{};
    for (auto& k : keys) {
        k = std::uint64_t{source()} << 32U | source();
    }
    return keys;
}

}  // namespace

std::array<std::uint64_t, 3> hash_keys = drawn();

void predictable_hashes() {
    hash_keys = {0x9E3779B97F4A7C15ULL, 0xBF58476D1CE4E5B9ULL, 0x94D049BB133111EBULL};
}

}  // namespace wsidecar::core
