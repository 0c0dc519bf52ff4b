#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wsidecar::redis {

/// All keys under the prefix. Apps may read presence; the other keys are private to the instances and may change with the format number
/// (registry.cpp). Additions by format:
///
///   2  kept pushes (field k in inboxes, which instances of format 1 do not get), names of a route, `route` in envelopes
///
///   config             hash   layout, lease, pop, outbox: settings that all live instances share; with several shards: shards (their number), shard
///                             (number of this one), grown (time since which there are several, ms)
///   epoch              hash   id of the data; generation and process: their history (registry.hpp); roster: number of changes of the set of
///                             instances
///   instances          hash   instance -> JSON {"since","format"}
///   incomplete         set    instances whose connections are not all registered in this generation
///   lease:<i>          string exists while an instance is alive; PX lease
///   beats              hash   instance -> how often it has renewed its lease
///   links              hash   instance -> number of its connection for commands; late commands over an earlier connection register nothing
///   watched            string exists while an instance on duty looks for dead ones (roster.hpp); 4 s; only with many instances
///   dead:<i>           string tombstone of an instance that was declared dead; 24 h
///   presence:<user>    hash   connection -> JSON {"instance","path","since"}
///   where:user:<n>, where:alias:<n>, where:group:<n>, where:destination:<d>, where:pattern:*, where:subscription:<n>, where:route:<r>NUL<n>
///                      hash   instance -> number of its connections with this name
///   joining, joining:<group>
///                      hash   instances with connections that a push under way makes join this group; 5 s
///   conn:<id>          hash   what a survivor needs for the disconnect event
///   conns:<i>          set    connection ids of an instance
///   outbox             list   pushes of the apps; outbox:returned: pushes to route again, which are served first
///   parts, parts:<list> list  parts of an entry that was too much work for one commit, served before the list
///   parked, parked:<list>
///                      list   entries that wait until all instances are registered; then they are served before the list
///   inbox:<i>          stream pushes for one instance; overflow:<i>: list of entries that wait for room in it; wide: the broadcast stream
///   wide:cursors       hash   instance -> last id of the broadcast stream that it has delivered
///   body:<id>          hash   an envelope that several entries refer to, and how many do
///   router             string token of the instance that routes the outbox; PX lease. router:<list>: of a list or stream in `sources`
///   routing            hash   sha1 of the outbox's head, and the routers that processed it (to detect poison); routing:<list>
///   order              hash   ms, seq: the last id of all streams; wide: the last of the broadcast stream; away: until when somebody is between two connections
///   fan:<id>           hash   fan-out counter of a push to one name on several instances: how many have not settled it, and the outcomes
///   tally:<id>         hash   a push to several names: number of parts that have not ended, and the outcomes of the others
///   told:<order>       string the callback of this push was queued; 24 h. told:<order>:<name>: its final receipt was written; told:end:<connection>:
///                             its disconnect event was handed over; 10 min
///   shard:to:<n>       list   with several shards: items for another one; shard:queues: set of shards with such a list; shard:sent: hash, how many
///                             items were removed from each list (lua/parts/shards.lua)
///   shard:came         hash   shard -> the last item that was taken from it; shard:arrived: list, pushes that came from others
///   never              never exists; Redis refuses access to it while a cluster's slot moves (lua/parts/names.lua)
///   left:user:<n>, left:alias:<n>, left:subscription:<n>, left:route:<r>NUL<n>
///                      string its last connection ended less than outbox.grace ago
///   mailbox:user:<n>, mailbox:alias:<n>, mailbox:subscription:<n>, mailbox:route:<r>NUL<n>
///                      zset   pushes kept for it; mailboxes: zset of names by the next deadline; mailbox:sizes: hash, bytes
///   gone:<i>:<target>  set    names that a dead instance had for `*` or a group; 1 h
///   leavers:<i>        list   users and aliases that left the instance while pushes were on their way to it, each with its audiences, separated
///                             by CR; grace + 3 min
///   estate:<i>:<target> stream handover: a dead instance's unconfirmed pushes to an audience; estates: zset, by deadline
///   heirs:<name>       hash   instance -> targets whose handover waits for this user or alias; as long as outbox.grace
///   claims:<i>         list   users and aliases with pushes in the instance's handovers that are connected elsewhere already
///   away:<who>         hash   audiences of a user, aliases or subscription between two connections (per route if other connections remain)
///   absent:<audience>    hash   deadline -> how many are away from this group, destination, pattern:* or all until then
///   kept:<audience>    stream pushes to it meanwhile; kept: zset by the time of the next sweep, kept:told, kept:claimed: hashes (lua/parts/kept.lua)
///   person:<aliases>   set    connections of a person without a user who is known by all of these aliases
///   history:group:<n>, history:destination:<d>, history:all
///                      stream the latest pushes to a name with a rule in `history` of the configuration. Ids are places
///   histories          zset   names with a history, by when the oldest push becomes too old
///   history:sizes      hash   name -> bytes; '' -> bytes of all
///   history:cut        hash   name -> last place removed to make room; '' -> last place when a whole history was removed
///   history:rules      hash   of:<list> -> the rules of its router; since: the place since which these are in force
///   rejected           list   entries that were rejected
///   lost, lost:<i>     list   disconnect events that survivors have to send; those that i is sending
///   callbacks, callbacks:<i>
///                      list   pending callbacks; those that i is sending
///   answers:<token>    list   the instances' answers to an operator's question; 10 s
///   stream:<name>      hash   for a stream in `sources`: routed, the id up to which everything is routed; seen, how many entries are read or lost
///   delivered:<sha1>   string the callback of this channel push was queued; 10 s
///   java:sessions:<i>  hash   of the Java library (sidecar/java): connection -> what a replica must know to go on with its session
///   java:subscriptions:<i>
///                      hash   connection -> its STOMP subscriptions, one a line; java:user:<n>: hash, connection -> instance
///   java:instances     set    instances that have such hashes
///   java:gone:<i>      list   connections of this instance that another replica has taken leave of
struct keys {
    std::string prefix;
    std::string outbox_key;

    std::string operator()(std::string_view name) const { return prefix + std::string(name); }
    std::string operator()(std::string_view kind, std::string_view name) const {
        std::string out = prefix;
        out.append(kind).append(name);
        return out;
    }
    std::string outbox() const { return prefix + outbox_key; }
    std::string returned() const { return prefix + outbox_key + ":returned"; }
};

/// The format number of the data under the prefix. Format N reads N-1, so a rolling upgrade may mix them. Only registry.cpp may use this
/// number, because the tests build a binary with the next one by compiling only that file again.
#ifndef WSIDECAR_FORMAT
#define WSIDECAR_FORMAT 2
#endif
inline constexpr int format_number = WSIDECAR_FORMAT;
/// The layout of the keys under the prefix. Data with another layout cannot be read.
inline constexpr const char* layout = "1";

/// Joins names with line breaks, the form of scripts and entries. No name contains a line break.
inline std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const auto& n : names) {
        out.append(out.empty() ? "" : "\n").append(n);
    }
    return out;
}

}  // namespace wsidecar::redis
