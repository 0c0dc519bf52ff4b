#include "sidecar/net/ws_input.hpp"

namespace wsidecar::net {

proto::ws_step ws_input::next(std::span<char>& in, const config::route& r, std::uint64_t message_limit,
                              session_shared& shared) {
    const proto::ws_limits limits{message_limit, r.limits.fragments, compresses_, window_bits_};
    const proto::ws_step step = reader_.next(in, limits, shared.inflate.get());
    if (step.what == proto::ws_event::message) {
        message_due_ = 0;
    }
    count_window(shared);
    return step;
}

void ws_input::drop(session_shared& shared) {
    reader_ = proto::ws_reader();
    count_window(shared);
}

void ws_input::end(session_shared& shared) {
    reader_.forget_window();
    count_window(shared);
}

bool ws_input::is_late(const config::route& r, std::uint32_t now, bool paused) {
    if (message_due_ == 0 || !is_due(message_due_, now)) {
        return false;
    }
    if (reader_.at_rest()) {
        message_due_ = 0;  // it was a control frame
        return false;
    }
    if (paused) {
        expect(r, now);  // the rest may lie in the socket, unread
        return false;
    }
    return true;
}

void ws_input::count_window(session_shared& shared) {
    if (window_bits_ != 0) {
        const auto now = static_cast<std::uint32_t>(reader_.window());
        shared.window_bytes += static_cast<double>(now) - window_;
        window_ = now;
    }
}

}  // namespace wsidecar::net
