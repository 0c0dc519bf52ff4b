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

/// Everybody whom the envelope names, but for those whom it also excepts by the same name. Whom it excepts on some routes only is left to the pods.
std::vector<std::string> targets_of(const proto::envelope& e);

/// Names as addresses, without the routes in them.
proto::addresses addresses_of(std::string_view names);
/// Those of `to` that have these names, with the destinations that narrow them.
proto::addresses narrowed(proto::addresses to, std::string_view names);

/// Each of these names on each of the routes; the names as they are where there is no route.
std::vector<std::string> on_routes(const std::vector<std::string>& routes, const std::vector<std::string>& names);

/// A name that has one mailbox, or is one connection: not a group, a destination, or all.
bool has_one_owner(char kind);

std::vector<std::string> split_lines(std::string_view text);
/// Takes the names that begin with `kind` out of `all`, and returns them without that letter.
std::vector<std::string> take_names(std::string& all, char kind);

/// Names by the shard that they belong to, without the routes in front of them.
std::map<unsigned, std::vector<std::string>> by_shard(const std::vector<std::string>& names, shard_number at);

}  // namespace wsidecar::redis
