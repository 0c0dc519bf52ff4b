#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/text/result.hpp"

namespace wsidecar::proto::stomp {

/// A `heart-beat` header (1.1 and 1.2 "Heart-beating"): what its sender can do and what it would like. 0: nothing. Up to 2^31-1 ms.
struct heart_beat {
    std::chrono::milliseconds can_send{0};  ///< it sends at least this often
    std::chrono::milliseconds wants{0};     ///< it would like to get something this often
};

/// "cx,cy"; an absent header is "0,0". As in Spring, one without a comma is "0,0" too, a negative number is 0, and numbers have up to
/// 63 bits; those over 2^31-1 ms become that. Problem: bad_heart_beat (no two numbers, or spaces).
result<heart_beat> parse_heart_beat(std::optional<std::string_view> value);

/// "sx,sy"
std::string write_heart_beat(const heart_beat& h);

/// What two sides agree on. Any bytes count as a beat, and sending more often is allowed.
struct beats {
    std::chrono::milliseconds send{0};    ///< the server sends something at least this often; 0: it need not
    std::chrono::milliseconds expect{0};  ///< the client does; 0: it need not
};
beats negotiate_beats(const heart_beat& client, const heart_beat& server);

/// Spring's simple broker ends a session that was silent for this many times `expect`.
inline constexpr int silent_intervals = 3;

}  // namespace wsidecar::proto::stomp
