#include "sidecar/net/client_policy.hpp"

#include <algorithm>
#include <stdexcept>

#include "proto/text/percent.hpp"

namespace wsidecar::net {
namespace {

template <class T>
T valid(result<T> r, const char* setting) {
    if (!r) {
        throw std::invalid_argument(std::string(setting) + ": " + r.error().detail);
    }
    return std::move(*r);
}

route_policy compile(const config::config& c, const std::vector<std::string>& origins,
                     const std::vector<std::string>& forward) {
    route_policy p;
    p.origins = valid(proto::origin_policy::compile(origins), "origins");
    p.connect = valid(proto::header_filter::for_connect(forward), "forward_headers");
    p.replay = valid(proto::header_filter::for_replay(c.replay_headers, forward), "replay_headers");
    p.replays_cookie = p.replay.allows("Cookie");
    return p;
}

}  // namespace

client_policy::client_policy(const config::config& c)
    : global_(compile(c, c.origins, c.forward_headers)),
      trusted_(valid(proto::trusted_proxies::compile(c.trusted_proxies), "trusted_proxies")),
      handshake_limit_(c.limits.handshake) {
    head_limits_.bytes = c.limits.headers;
    head_limits_.count = c.limits.header_count;
    for (const auto& route : c.routes) {
        route_policy& policy = routes_.emplace(&route, compile(c, route.origins, route.forward_headers)).first->second;
        if (route.jwt.on()) {
            policy.tokens = valid(token_check::compile(route.jwt), "jwt");
        }
        head_limits_.bytes = std::max<std::size_t>(head_limits_.bytes, route.limits.headers);
        head_limits_.count = std::max<std::size_t>(head_limits_.count, route.limits.header_count);
        handshake_limit_ = std::max(handshake_limit_, route.limits.handshake);
        if (!route.event_path.empty()) {
            add_event_path(route.event_path);
        }
        for (const auto& prefix : route.protocol == "stomp" ? route.stomp.app_prefixes : std::vector<std::string>()) {
            const auto& broker = route.stomp.broker_prefixes;
            if (prefix != route.stomp.user_prefix && std::find(broker.begin(), broker.end(), prefix) == broker.end()) {
                event_paths_.push_back(
                    {{}, prefix + "/"});  // SENDs are POSTed there; to a shared prefix, to the route's own event path
            }
        }
    }
    for (const auto& source : c.sources) {
        if (!source.delivered.post.empty()) {
            add_event_path(source.delivered.post);
        }
    }
}

/// Headers that only wsidecar may send to the app: those of events and of delivery callbacks.
void client_policy::add_event_path(const std::string& text) {
    const std::string path = text.substr(0, text.find('?'));
    if (auto pattern = proto::route_pattern::compile(path)) {
        event_paths_.push_back({std::move(*pattern), {}});
    } else {
        // Variables inside a segment, or the rest in the middle: everything below what is fixed is guarded.
        event_paths_.push_back({{}, proto::percent_decode(path.substr(0, path.find('{')))});
    }
}

const route_policy& client_policy::of(const config::route* route) const {
    const auto it = routes_.find(route);
    return it == routes_.end() ? global_ : it->second;
}

bool client_policy::is_event_path(std::string_view path) const {
    return std::any_of(event_paths_.begin(), event_paths_.end(), [&](const event_path& e) {
        return e.prefix.empty() ? e.pattern.match(path).has_value() : proto::percent_decode(path).starts_with(e.prefix);
    });
}

}  // namespace wsidecar::net
