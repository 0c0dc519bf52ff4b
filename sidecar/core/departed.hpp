#pragma once

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "proto/stomp/ant_path.hpp"
#include "sidecar/core/connection.hpp"

namespace wsidecar::core {

/// Connections that have ended here, but that the registry may still have, or had when a push was routed. A push to an audience (a group, a
/// destination, all) of such a connection was routed as if it were still here, so it is routed again to the name of its owner. Event loop
/// only.
class departed {
public:
    /// Adds a connection that has ended. Call this while it still has its names and subscriptions.
    void add(const connection& c, timer_port::clock::time_point now);
    /// The registry has removed the connection from this shard at this place; later pushes were routed without it.
    void retired(const std::string& connection, place at, unsigned shard = 0);
    /// The place and shard in which a push was routed.
    struct where {
        place at;
        unsigned shard;
        where(place p, unsigned s = 0) : at(p), shard(s) {}
    };
    /// Adds to `names` the departed receivers that missed a push to `to` routed at `at`.
    void name_missed(const proto::addresses& to, const proto::addresses& except, where at, timer_port::clock::time_point now,
                     std::vector<std::string>& names);

private:
    struct one {
        std::string user;
        std::vector<std::string> aliases;
        std::vector<std::string> groups;
        std::vector<std::pair<std::string, std::optional<proto::stomp::ant_pattern>>> subscriptions;
        std::string route;
        bool subscribes = false;
        std::vector<std::pair<unsigned, place>> places;  ///< by shard; shards whose registry has not answered are missing

        const place* in(unsigned shard) const;
    };

    static std::string missed(const one& c, const proto::addresses& to);
    static bool is_excepted(const one& c, const std::string& id, const proto::addresses& except);
    void forget(timer_port::clock::time_point now);

    std::unordered_map<std::string, one> all_;
    std::deque<std::pair<timer_port::clock::time_point, std::string>> by_age_;
    std::size_t unanswered_ = 0;
    place last_{};          ///< the highest of all places
    bool several_ = false;  ///< whether the service has more than one shard
};

}  // namespace wsidecar::core
