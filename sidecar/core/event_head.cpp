#include "sidecar/core/event_head.hpp"

#include <algorithm>

#include "proto/app_reply.hpp"
#include "proto/http/path.hpp"
#include "proto/text/rfc3339.hpp"
#include "proto/trace/traceparent.hpp"

namespace wsidecar::core {

proto::event_head event_head_of(const context& context, const connection& c, proto::event_type type) {
    proto::event_head head;
    head.type = type;
    head.connection_id = c.id;
    head.instance = context.instance;
    head.subject = std::string(c.path());
    head.time = proto::format_rfc3339(context.timers.wall());
    head.user = c.user;
    head.state = c.state.str();
    head.attempt = 1;
    head.variables = c.variables();
    if (type == proto::event_type::connect || type == proto::event_type::disconnect) {
        head.user_connections = c.user_connections;
    }
    if (type != proto::event_type::connect) {
        head.traceparent = proto::new_trace();
    }
    return head;
}

std::string event_target(const connection& c, const char* event) {
    if (c.route->event_path.empty()) {
        return c.target.str();
    }
    std::string target = proto::expand_path(c.route->event_path, c.variables(), event);
    if (target.find('?') == std::string::npos) {
        target.append(c.target.view().substr(c.path().size()));
    }
    return target;
}

std::vector<frame_ptr> messages_of(const proto::app_reply& reply) {
    std::vector<frame_ptr> out;
    const auto add = [&](const proto::app_reply::text_or_binary& m) {
        out.push_back(frame::make(m.text ? proto::opcode::text : proto::opcode::binary, m.payload));
    };
    if (reply.message) {
        add(*reply.message);
    }
    std::for_each(reply.more.begin(), reply.more.end(), add);
    return out;
}

}  // namespace wsidecar::core
