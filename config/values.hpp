#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wsidecar::config {

/// `250ms`, `10s`, `5m`, `24h`, or 0; nullopt for anything else, at most 10 years.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// Whether parse_duration() refuses a text only because it is too long.
bool is_too_long(std::string_view text);
inline constexpr std::chrono::milliseconds longest_duration = std::chrono::hours(24 * 366 * 10);
std::string format_duration(std::chrono::milliseconds d);

/// `512`, `512B`, `64KiB`, `1MiB`, `2GiB`; nullopt for anything else.
std::optional<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);

/// `0`, `0.01`, `1`: a decimal fraction from 0 to 1.
std::optional<double> parse_share(std::string_view text);
std::string format_share(double share);

/// Decimal digits only, at most `most`.
std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t most);

/// `true` and `false`, as YAML 1.2 has them.
std::optional<bool> parse_bool(std::string_view text);

/// `host:port`, `[v6]:port`, `:port`; the host is a numeric address or localhost, the port 0 to 65535.
bool valid_listen_address(std::string_view text);

/// How many characters have to be added, left out or replaced to make one of the other: for "did you mean".
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The file's content without trailing line breaks; nullopt when it can't be read or is larger than 64 KiB.
std::optional<std::string> read_secret(const std::string& path);

}  // namespace wsidecar::config
