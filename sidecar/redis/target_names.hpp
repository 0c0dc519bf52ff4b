#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proto/envelope.hpp"
#include "sidecar/redis/shards.hpp"

// Names of receivers as Redis holds them: a letter for their kind, then the name. Lists of them are texts with one a line; no name has a line break.
//
//   u user    a alias    g group    c connection    d destination    * all
//   m alias whose connections get it only as members of the push's groups
//   q subscription of a user, alias or connection: its owner, NUL and the destination
//   r route, NUL and one of the above: its connections on that route
//
// In what comes back for another routing, a letter in front says what happened: n the client refused it (a NACK), k its connection was closed as too slow
// and its route keeps pushes, x whoever has the name there is excepted.

namespace wsidecar::redis {

/// All targets of the envelope, without those that it excepts under the same name. Exceptions on certain routes only are applied by the
/// instances.
std::vector<std::string> targets_of(const proto::envelope& e);

/// Converts names (one per line, each with its kind in front) to addresses. Routes are dropped.
proto::addresses addresses_of(std::string_view names);
/// Reduces `to` to the addresses with these names, and keeps the destinations that narrow them.
proto::addresses narrowed(proto::addresses to, std::string_view names);

/// Combines each name with each route. Returns the names unchanged if there is no route.
std::vector<std::string> on_routes(const std::vector<std::string>& routes, const std::vector<std::string>& names);

/// Whether a name of this kind belongs to one owner (a user, an alias, a subscription, a connection) and is not an audience.
bool has_one_owner(char kind);

std::vector<std::string> split_lines(std::string_view text);
/// Removes the names that begin with `kind` from `all`, and returns them without that letter.
std::vector<std::string> take_names(std::string& all, char kind);

/// Groups names by their shard. Routes in front of the names are removed.
std::map<unsigned, std::vector<std::string>> by_shard(const std::vector<std::string>& names, shard_number at);

}  // namespace wsidecar::redis
