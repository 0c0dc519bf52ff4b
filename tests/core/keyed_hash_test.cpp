#include "sidecar/core/keyed_hash.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "sidecar/core/dedup.hpp"
#include "sidecar/core/text.hpp"

namespace wsidecar::core {
namespace {

/// As std::hash mixes each eight bytes (MurmurHash64A); the inverse of that.
constexpr std::uint64_t factor = 0xC6A4A7935BD1E995ULL;

std::uint64_t mixed(std::uint64_t k) {
    k *= factor;
    k ^= k >> 47U;
    return k * factor;
}

std::uint64_t unmixed(std::uint64_t k) {
    std::uint64_t inverse = factor;
    for (int i = 0; i < 6; ++i) {
        inverse *= 2 - factor * inverse;
    }
    k *= inverse;
    k ^= k >> 47U;
    return k * inverse;
}

/// Names of 16 bytes that std::hash, whose seed is public, cannot tell apart.
std::vector<std::string> names_of_one_hash(std::size_t count) {
    constexpr std::uint64_t seed = 0xC70F6907UL;
    constexpr std::uint64_t start = seed ^ (16 * factor);
    std::vector<std::string> out;
    for (std::uint64_t first = 1; out.size() < count; ++first) {
        const std::uint64_t state = (start ^ mixed(first)) * factor;
        const std::uint64_t second = unmixed(state ^ 0x1234567890ABCDEFULL);
        std::string name(16, '\0');
        std::memcpy(name.data(), &first, 8);
        std::memcpy(name.data() + 8, &second, 8);
        out.push_back(std::move(name));
    }
    return out;
}

TEST(KeyedHash, TellsApartWhatStdHashCannot) {
    const auto names = names_of_one_hash(2000);
    std::set<std::size_t> public_hashes;
    std::set<std::uint64_t> hashes;
    for (const auto& n : names) {
        public_hashes.insert(std::hash<std::string_view>{}(n));
        hashes.insert(keyed_hash(n));
    }
    ASSERT_EQ(public_hashes.size(), 1U) << "the attack itself";
    EXPECT_EQ(hashes.size(), names.size());
}

TEST(KeyedHash, ATableOfSuchNamesIsAsFastAsAnyOther) {
    by_text<int> table;
    for (const auto& n : names_of_one_hash(2000)) {
        table[n] = 1;
    }
    std::size_t longest = 0;
    for (std::size_t b = 0; b < table.bucket_count(); ++b) {
        longest = std::max(longest, table.bucket_size(b));
    }
    EXPECT_LE(longest, 12U);
}

TEST(KeyedHash, NobodyTakesANameThatCountsAsAnothersForRepetitions) {
    using namespace std::chrono_literals;
    const auto names = names_of_one_hash(2);
    dedup seen(1min);
    const dedup::time_point now{};
    EXPECT_TRUE(seen.first(names[0], dedup::hash("push"), now));
    EXPECT_TRUE(seen.first(names[1], dedup::hash("push"), now));
    EXPECT_FALSE(seen.first(names[1], dedup::hash("push"), now));
}

TEST(KeyedHash, EachByteAndTheLengthCount) {
    std::set<std::uint64_t> hashes;
    std::size_t count = 0;
    for (std::size_t size = 0; size <= 80; ++size) {
        std::string name(size, 'a');
        hashes.insert(keyed_hash(name));
        ++count;
        for (std::size_t i = 0; i < size; ++i) {
            for (const char c : {'b', '\0', '\xFF'}) {
                std::string other = name;
                other[i] = c;
                hashes.insert(keyed_hash(other));
                ++count;
            }
        }
    }
    EXPECT_EQ(hashes.size(), count);
    EXPECT_EQ(keyed_hash("alice"), keyed_hash(std::string("alice")));
}

TEST(KeyedHash, NumberedNamesSpreadOverTheLowBits) {
    std::vector<int> buckets(1024);
    for (int i = 0; i < 10'240; ++i) {
        ++buckets[keyed_hash("user-" + std::to_string(i)) % buckets.size()];
    }
    EXPECT_LE(*std::max_element(buckets.begin(), buckets.end()), 35);
}

}  // namespace
}  // namespace wsidecar::core
