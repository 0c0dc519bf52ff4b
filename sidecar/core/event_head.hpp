#pragma once

#include <string>
#include <vector>

#include "proto/cloudevents.hpp"
#include "sidecar/core/context.hpp"

namespace wsidecar::proto {
struct app_reply;
}  // namespace wsidecar::proto

namespace wsidecar::core {

/// The attributes of an event that describe its connection.
proto::event_head event_head_of(const context& context, const connection& c, proto::event_type type);
/// The request target of an event: the route's `event_path`, or the path that the client opened.
std::string event_target(const connection& c, const char* event);
/// The frames that an answer sends to the client, in order.
std::vector<frame_ptr> messages_of(const proto::app_reply& reply);

}  // namespace wsidecar::core
