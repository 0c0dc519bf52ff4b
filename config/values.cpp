#include "config/values.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "proto/text/host_port.hpp"

namespace wsidecar::config {
namespace {

constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> durations{
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::array<std::pair<std::string_view, std::uint64_t>, 5> sizes{
    {{"GiB", 1ULL << 30U}, {"MiB", 1ULL << 20U}, {"KiB", 1ULL << 10U}, {"B", 1}, {"", 1}}};

/// Splits "10s" into 10 and "s".
std::optional<std::pair<std::uint64_t, std::string_view>> number_and_unit(std::string_view text) {
    std::uint64_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc{} || end == text.data()) {
        return std::nullopt;
    }
    return std::pair{n, text.substr(static_cast<std::size_t>(end - text.data()))};
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    const auto parts = number_and_unit(text);
    if (!parts) {
        return std::nullopt;
    }
    const auto [n, unit] = *parts;
    if (unit.empty() && n == 0) {
        return std::chrono::milliseconds(0);
    }
    for (const auto& [name, factor] : durations) {
        if (unit == name && n <= static_cast<std::uint64_t>(longest_duration.count() / factor)) {
            return std::chrono::milliseconds(static_cast<std::int64_t>(n) * factor);
        }
    }
    return std::nullopt;
}

bool is_too_long(std::string_view text) {
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto unit = text.substr(digits);
    return digits > 0 && !parse_duration(text) &&
           std::any_of(durations.begin(), durations.end(), [&](const auto& d) { return d.first == unit; });
}

std::string format_duration(std::chrono::milliseconds d) {
    const std::int64_t ms = d.count();
    for (const auto unit : {3U, 2U, 1U}) {
        const auto& [name, factor] = durations[unit];
        if (ms != 0 && ms % factor == 0) {
            return std::to_string(ms / factor).append(name);
        }
    }
    return std::to_string(ms) + (ms == 0 ? "s" : "ms");
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    const auto parts = number_and_unit(text);
    if (!parts) {
        return std::nullopt;
    }
    for (const auto& [name, factor] : sizes) {
        if (parts->second == name && parts->first <= (1ULL << 50U) / factor) {
            return parts->first * factor;
        }
    }
    return std::nullopt;
}

std::string format_size(std::uint64_t bytes) {
    for (const auto& [name, factor] : sizes) {
        if (factor > 1 && bytes != 0 && bytes % factor == 0) {
            return std::to_string(bytes / factor).append(name);
        }
    }
    return std::to_string(bytes);
}

std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t most) {
    const auto parts = number_and_unit(text);
    if (!parts || !parts->second.empty() || parts->first > most) {
        return std::nullopt;
    }
    return parts->first;
}

std::optional<double> parse_share(std::string_view text) {
    double share = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), share, std::chars_format::fixed);
    const bool digits = text.find_first_not_of("0123456789.") == std::string_view::npos;  // no sign, no inf, no nan
    if (ec != std::errc{} || end != text.data() + text.size() || !digits || share > 1) {
        return std::nullopt;
    }
    return share;
}

std::string format_share(double share) {
    std::array<char, 512> digits;  // the shortest that reads as the same
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), share, std::chars_format::fixed).ptr;
    return {digits.data(), end};
}

std::optional<bool> parse_bool(std::string_view text) {
    if (text == "true" || text == "false") {
        return text == "true";
    }
    return std::nullopt;
}

bool valid_listen_address(std::string_view text) {
    const auto parts = proto::split_listen_address(text);
    if (!parts) {
        return false;
    }
    const std::string host(parts->host);
    std::array<unsigned char, 16> ignored;
    return host.empty() || host == "localhost" ||
           inet_pton(text.starts_with('[') ? AF_INET6 : AF_INET, host.c_str(), ignored.data()) == 1;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

std::optional<std::string> read_secret(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        return std::nullopt;
    }
    std::string text;
    constexpr std::size_t most = 64 * 1024;
    text.resize(most + 1);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad() || static_cast<std::size_t>(in.gcount()) > most) {
        return std::nullopt;
    }
    text.resize(static_cast<std::size_t>(in.gcount()));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
        text.pop_back();
    }
    return text;
}

}  // namespace wsidecar::config
