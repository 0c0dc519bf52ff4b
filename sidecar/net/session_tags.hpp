#pragma once

#include <cstdint>

#include "sidecar/core/ports.hpp"

namespace wsidecar::net {

// Tags of frames that ws_session queues itself: beside those of core/ports.hpp, below first_delivery_id.
inline constexpr std::uint64_t tag_control = 8;  ///< ping, close
inline constexpr std::uint64_t tag_pong = 9;
static_assert(tag_pong < core::first_delivery_id && tag_control > core::tag_unconfirmed);

/// A close frame; a reason of more than 123 bytes is cut at a character (RFC 6455 section 5.5).
core::frame_ptr close_frame(std::uint16_t code, std::string_view reason);

}  // namespace wsidecar::net
