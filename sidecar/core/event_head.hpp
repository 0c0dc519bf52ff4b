#pragma once

#include <string>
#include <vector>

#include "proto/cloudevents.hpp"
#include "sidecar/core/context.hpp"

namespace wsidecar::proto {
struct app_reply;
}  // namespace wsidecar::proto

namespace wsidecar::core {

/// What every event of this connection says of it.
proto::event_head event_head_of(const context& context, const connection& c, proto::event_type type);
/// Where an event goes: the route's `event_path`, or the path that the client opened.
std::string event_target(const connection& c, const char* event);
/// What an answer sends to its client, in order.
std::vector<frame_ptr> messages_of(const proto::app_reply& reply);

}  // namespace wsidecar::core
