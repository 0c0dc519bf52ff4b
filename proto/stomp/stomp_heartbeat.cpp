#include "proto/stomp/stomp_heartbeat.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "proto/text/ascii.hpp"

namespace wsidecar::proto::stomp {

namespace {

using std::chrono::milliseconds;

std::optional<milliseconds> parse_interval(std::string_view digits) {
    std::int32_t n = 0;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
    if (ec != std::errc{} || end != digits.data() + digits.size() || !is_digit(digits.front())) {
        return std::nullopt;
    }
    return milliseconds(n);
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
