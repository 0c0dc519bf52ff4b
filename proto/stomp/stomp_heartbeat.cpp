#include "proto/stomp/stomp_heartbeat.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>

namespace wsidecar::proto::stomp {

namespace {

using std::chrono::milliseconds;

constexpr std::int64_t longest = std::numeric_limits<std::int32_t>::max();

/// Reads what Java's Long.parseLong reads, because Spring does.
std::optional<milliseconds> parse_interval(std::string_view text) {
    const bool plus = text.starts_with('+');
    text.remove_prefix(plus ? 1 : 0);
    std::int64_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc{} || end != text.data() + text.size() || (plus && text.front() == '-')) {
        return std::nullopt;
    }
    return milliseconds(std::clamp<std::int64_t>(n, 0, longest));
}

/// One direction: nothing unless one side can and the other wants.
milliseconds agree(milliseconds can, milliseconds wanted) {
    return can.count() == 0 || wanted.count() == 0 ? milliseconds(0) : std::max(can, wanted);
}

}  // namespace

result<heart_beat> parse_heart_beat(std::optional<std::string_view> value) {
    const auto comma = value ? value->find(',') : std::string_view::npos;
    if (comma == std::string_view::npos) {
        return heart_beat{};  // as in Spring: what is empty, or no pair, is none
    }
    const auto can_send = parse_interval(value->substr(0, comma));
    const auto wants = parse_interval(value->substr(comma + 1));
    if (can_send && wants) {
        return heart_beat{*can_send, *wants};
    }
    return problem{"bad_heart_beat", "heart-beat is two numbers of milliseconds with a comma between them"};
}

std::string write_heart_beat(const heart_beat& h) {
    return std::to_string(h.can_send.count()) + "," + std::to_string(h.wants.count());
}

beats negotiate_beats(const heart_beat& client, const heart_beat& server) {
    return {agree(server.can_send, client.wants), agree(client.can_send, server.wants)};
}

}  // namespace wsidecar::proto::stomp
