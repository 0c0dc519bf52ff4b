#pragma once

#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/app/history.hpp"
#include "sidecar/core/bus.hpp"
#include "sidecar/core/metrics.hpp"
#include "sidecar/core/recent.hpp"

namespace wsidecar::app {

/// Names and reasons may be any bytes: what of them is not UTF-8, and so no JSON, becomes U+FFFD.
boost::json::string text(std::string_view bytes);

/// JSON that may also be read on a terminal: control characters of all kinds are escaped.
std::string serialized(const boost::json::object& o);

/// What the console shows and neither metrics nor core::recent hold.
struct pod_state {
    std::string instance;
    std::string version;
    std::chrono::system_clock::time_point now;
    double uptime = 0;  ///< seconds
    bool ready = false;
    std::string app;         ///< "ok", or what is wrong
    std::string redis;       ///< likewise, or "none"
    const char* drain = "";  ///< serving | delaying | closing | finishing | drained
    std::size_t users = 0;   ///< with connections here
    std::size_t aliases = 0;
    std::size_t groups = 0;
    std::vector<std::pair<std::string, std::size_t>> by_route;
    struct queue {
        std::string connection;
        std::string user;
        std::string path;
        std::size_t bytes = 0;
    };
    std::vector<queue> longest;          ///< queues, the longest first
    std::vector<std::string> instances;  ///< as Redis had them when it was last asked
    std::size_t viewers = 0;             ///< of the console
};

/// The console's page and `wsidecar top` show this, once a second. Pure. No payloads, no secrets; names of users are as clients
/// and apps chose them.
boost::json::object snapshot(const pod_state& pod, const core::metrics& m, const core::recent& lately,
                             const history::figures& figures);

/// A connection of the user that is held here.
struct held_connection {
    std::string id;
    std::string path;
    std::string since;
    std::vector<std::string> aliases;
    std::vector<std::string> groups;
    std::vector<std::string> destinations;  ///< that it has subscribed to by STOMP
    std::size_t queued_bytes = 0;
    std::size_t unconfirmed = 0;
};

/// What this instance knows of the pushes with this id, the latest first: {"instance","entries"}. No larger than
/// core::answer_bytes_at_most as text: what does not fit is left out, and "more" is true.
boost::json::object message_account(const std::string& id, const std::string& instance, const core::recent& lately);

/// What this instance knows of a user: {"instance","connections","entries"}, bounded likewise.
boost::json::object user_account(const std::string& user, const std::string& instance, const std::vector<held_connection>& here,
                                 const core::recent& lately);

}  // namespace wsidecar::app
