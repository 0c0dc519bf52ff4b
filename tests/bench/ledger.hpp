#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

/// Latencies in microseconds: exact below 128, within 1 % above. Of fixed size, so that each of them counts.
class histogram {
public:
    void add(std::uint64_t us) {
        ++counts_[index(us)];
        ++total_;
    }
    void clear() { *this = {}; }
    /// The value below which the share `q` lies; 0 when nothing was added.
    double quantile(double q) const {
        auto left = static_cast<std::uint64_t>(q * static_cast<double>(total_));
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            if (counts_[i] > left) {
                return static_cast<double>(middle(i));
            }
            left -= counts_[i];
        }
        return 0;
    }

private:
    static constexpr unsigned bits = 7;
    static std::size_t index(std::uint64_t us) {
        const auto width = static_cast<unsigned>(std::bit_width(us));
        if (width <= bits) {
            return us;
        }
        const unsigned shift = width - bits;
        return ((std::size_t{shift} << (bits - 1)) + (us >> shift)) % (std::size_t{40} << (bits - 1));
    }
    static std::uint64_t middle(std::size_t i) {
        if (i < 1U << bits) {
            return i;
        }
        const std::size_t shift = (i >> (bits - 1)) - 1;
        const std::uint64_t mantissa = i - (shift << (bits - 1));
        return (mantissa << shift) + (std::uint64_t{1} << shift) / 2;
    }

    std::array<std::uint64_t, std::size_t{40} << (bits - 1)> counts_{};
    std::uint64_t total_ = 0;
};

/// What came back: per connection the last number seen, and the latencies. Numbers start at 1 and have no gaps.
struct ledger {
    std::vector<std::uint64_t> last;
    std::uint64_t received = 0, repeated = 0, reordered = 0, gaps = 0;
    histogram latencies;

    void take(std::size_t connection, std::uint64_t number, std::uint64_t latency_us) {
        ++received;
        std::uint64_t& seen = last[connection];
        if (number == seen) {
            ++repeated;
        } else if (number < seen) {
            ++reordered;
        } else {
            gaps += number - seen - 1;
            seen = number;
        }
        latencies.add(latency_us);
    }
};

}  // namespace bench
