#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wsidecar::redis {

/// The names of everything under the prefix. Apps may read presence; the rest is between instances and may change with
/// the format number (registry.cpp). What has come with a format:
///
///   2  what is kept for those who are away (k in inboxes, which instances of format 1 are not given), names of a route, `route` in envelopes
///
///   config             hash   layout, lease, pop, outbox: what all live instances agree on; with several shards: shards, shard (which of them this is), grown: since
///                             when there are several (ms)
///   epoch              hash   id of these data; generation and process: the history that they are in (registry.hpp); roster: counts changes
///                             of instances
///   instances          hash   instance -> JSON {"since","format"}
///   incomplete         set    instances whose connections are not all registered in this generation
///   lease:<i>          string of an instance that lives; PX lease
///   beats              hash   instance -> how often it has renewed its lease
///   links              hash   instance -> the number of its connection for commands: what comes late over an earlier one registers nobody
///   watched            string somebody on duty looks for dead instances (roster.hpp); 4 s; where there are many instances
///   dead:<i>           string tombstone: this instance was reaped; 24 h
///   presence:<user>    hash   connection -> JSON {"instance","path","since"}
///   where:user:<n>, where:alias:<n>, where:group:<n>, where:destination:<d>, where:pattern:*, where:subscription:<n>, where:route:<r>NUL<n>
///                      hash   instance -> number of its connections with this name
///   joining, joining:<group>
///                      hash   instances that a push under way makes join this group; 5 s
///   conn:<id>          hash   what a survivor must know for the disconnect event
///   conns:<i>          set    connection ids of an instance
///   outbox             list   pushes of the apps; outbox:returned: what has to be routed again, served first
///   parts, parts:<list> list  parts of an entry that was too much work for one commit, served before the list
///   parked, parked:<list>
///                      list   what waits until all instances are registered, served then before the list
///   inbox:<i>          stream pushes for one instance; overflow:<i>: what has no room there; wide: the broadcast stream, pushes for all or very many instances
///   wide:cursors       hash   instance -> last id of the broadcast stream that it has delivered
///   body:<id>          hash   an envelope that several entries refer to, and how many do
///   router             string token of the instance that routes the outbox; PX lease. router:<list>: of a list or stream in `sources`
///   routing            hash   sha1 of the outbox's head, and who had it in hand (poison); routing:<list>
///   order              hash   ms, seq: the last id of all streams; wide: the last of the broadcast stream; away: until when somebody is between two connections
///   fan:<id>           hash   fan-out counter of a push to one name on its way to several instances: how many have not settled it, who had it
///   tally:<id>         hash   a push to several: its parts that have not ended, and what became of the others
///   told:<order>       string the app was told of this push's delivery; 24 h. told:<order>:<name>: it has its final receipt; told:end:<connection>:
///                             its disconnect event was handed on; 10 min
///   shard:to:<n>       list   with several shards: what this one has for another one; shard:queues: set of those with such a list; shard:sent: hash, how many
///                             items are out of each list (lua/parts/shards.lua)
///   shard:came         hash   shard -> the last item that was taken from it; shard:arrived: list, pushes that came from others
///   never              is not there: asking for it is refused while a cluster's slot moves (lua/parts/names.lua)
///   left:user:<n>, left:alias:<n>, left:subscription:<n>, left:route:<r>NUL<n>
///                      string its last connection ended less than outbox.grace ago
///   mailbox:user:<n>, mailbox:alias:<n>, mailbox:subscription:<n>, mailbox:route:<r>NUL<n>
///                      zset   pushes kept for it; mailboxes: zset of names by the next deadline; mailbox:sizes: hash, bytes
///   gone:<i>:<target>  set    names that a dead instance had for `*` or a group; 1 h
///   leavers:<i>        list   users and aliases that left it while pushes were on their way to it, and the audiences that each belonged to, apart by CR; grace + 3 min
///   estate:<i>:<target> stream handover: what was under way to a group, a destination or all at an instance that died; estates: zset, by deadline
///   heirs:<name>       hash   instance -> targets whose handover waits for this user or alias; as long as outbox.grace
///   claims:<i>         list   users and aliases that have a part in its handovers and are connected elsewhere already
///   away:<who>         hash   a user, aliases or subscription between two connections (of a route, where other pages are still there): the groups,
///                             destinations and so on that it belonged to
///   absent:<audience>    hash   deadline -> how many are away from this group, destination, pattern:* or all until then
///   kept:<audience>    stream pushes to it meanwhile; kept: zset by when to look, kept:told, kept:claimed: hashes (lua/parts/kept.lua)
///   person:<aliases>   set    connections of who is known by all of these aliases, and by no user
///   history:group:<n>, history:destination:<d>, history:all
///                      stream the latest pushes to it, where `history` in the configuration says so. Ids are places
///   histories          zset   their names, by when the oldest of each is too old
///   history:sizes      hash   name -> bytes; '' -> of all
///   history:cut        hash   name -> the last that was taken out to make room; '' -> of names that went to make room
///   history:rules      hash   of:<list> -> by which rules its router keeps them; since: when another one began
///   rejected           list   what could not be taken
///   lost, lost:<i>     list   disconnect events that survivors have to send; those that i is sending
///   callbacks, callbacks:<i>
///                      list   pending callbacks: what apps are to be told of deliveries; those that i is sending
///   answers:<token>    list   what instances say to a question of an operator that went to all of them; 10 s
///   stream:<name>      hash   of a stream in `sources`: routed, the id up to which all is; seen, how many of its entries are read or lost
///   delivered:<sha1>   string a channel's push that the app is told of already; 10 s
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

/// Version of what is stored under the prefix. Version N reads N-1, so that a rolling upgrade mixes them. Only registry.cpp may use it: the
/// tests build a binary with the next version by compiling that file anew.
#ifndef WSIDECAR_FORMAT
#define WSIDECAR_FORMAT 2
#endif
inline constexpr int format_number = WSIDECAR_FORMAT;
/// What the keys under the prefix are. Another one cannot be read at all.
inline constexpr const char* layout = "1";

/// Names as scripts and entries hold them, one a line: none has a line break.
inline std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const auto& n : names) {
        out.append(out.empty() ? "" : "\n").append(n);
    }
    return out;
}

}  // namespace wsidecar::redis
