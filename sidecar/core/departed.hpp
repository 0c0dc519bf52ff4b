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

/// Connections that have ended here while the registry may still have them, or had them when a push was routed: what comes for a crowd (a group, a
/// destination, all) that they belonged to was routed as if they were there, and goes again to the name of whoever they were.
class departed {
public:
    /// Before the connection loses its names and subscriptions.
    void add(const connection& c, timer_port::clock::time_point now);
    /// The registry has taken it out of this shard at this place.
    void retired(const std::string& connection, place at, unsigned shard = 0);
    /// Where a push was routed.
    struct where {
        place at;
        unsigned shard;
        where(place p, unsigned s = 0) : at(p), shard(s) {}
    };
    /// Adds to `names` whom a push to `to` has missed that was routed at `at`.
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
        std::vector<std::pair<unsigned, place>> places;  ///< by shard; of the others the registry has not answered

        const place* in(unsigned shard) const;
    };

    static std::string missed(const one& c, const proto::addresses& to);
    static bool is_excepted(const one& c, const std::string& id, const proto::addresses& except);
    void forget(timer_port::clock::time_point now);

    std::unordered_map<std::string, one> all_;
    std::deque<std::pair<timer_port::clock::time_point, std::string>> by_age_;
    std::size_t unanswered_ = 0;
    place last_{};          ///< of all places
    bool several_ = false;  ///< there is more than one shard
};

}  // namespace wsidecar::core
