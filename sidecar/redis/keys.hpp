#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wsidecar::redis {

/// The names of everything under the prefix. Apps may read presence; the rest is between instances and may change with
/// the format number.
///
///   config             hash   layout, lease, pop, outbox: what all live instances agree on
///   epoch              hash   id of these data; generation and process: the history that they are in (registry.hpp); roster: counts changes
///                             of instances
///   instances          hash   instance -> JSON {"since","format"}
///   incomplete         set    instances whose connections are not all registered in this generation
///   lease:<i>          string of an instance that lives; PX lease
///   beats              hash   instance -> how often it has renewed its lease
///   dead:<i>           string tombstone: this instance was reaped; 24 h
///   presence:<user>    hash   connection -> JSON {"instance","path","since"}
///   where:user:<n>, where:alias:<n>, where:group:<n>, where:destination:<d>, where:pattern:*, where:subscription:<n>
///                      hash   instance -> number of its connections with this name
///   joining, joining:<group>
///                      hash   instances that a push under way makes join this group; 5 s
///   conn:<id>          hash   what a survivor must know for the disconnect event
///   conns:<i>          set    connection ids of an instance
///   outbox             list   pushes of the apps; outbox:returned: what has to be routed again, served first
///   parts, parts:<list> list  parts of an entry that was too much work for one commit, served before the list
///   parked, parked:<list>
///                      list   what waits until all instances are registered, served then before the list
///   inbox:<i>          stream pushes for one instance; overflow:<i>: what has no room there; wide: pushes for all or very many
///   wide:cursors       hash   instance -> last id of wide it has delivered
///   body:<id>          hash   an envelope that several entries refer to, and how many do
///   router             string token of the instance that routes the outbox; PX lease. router:<list>: of a list in `sources`
///   routing            hash   sha1 of the outbox's head, and who had it in hand (poison); routing:<list>
///   order              hash   ms, seq: the last id of all streams; wide: the last of wide
///   fan:<id>           hash   a push to one name on its way to several instances: how many have not settled it, who had it
///   tally:<id>         hash   a push to several: its parts that have not ended, and what became of the others
///   told:<order>       string the app was told of this push's delivery; 24 h. told:<order>:<name>: it has its final receipt; told:end:<connection>:
///                             its disconnect event was handed on; 10 min
///   never              is not there: asking for it is refused while a cluster's slot moves (lua/parts/names.lua)
///   left:user:<n>, left:alias:<n>
///                      string its last connection ended less than outbox.grace ago
///   mailbox:user:<n>, mailbox:alias:<n>
///                      zset   pushes kept for it; mailboxes: zset of names by the next deadline; mailbox:sizes: hash, bytes
///   gone:<i>:<target>  set    names that a dead instance had for `*` or a group; 1 h
///   estate:<i>:<target> stream what was under way to a group, a destination or all at an instance that died; estates: zset, by deadline
///   heirs:<name>       hash   instance -> targets whose estate waits for this user or alias; as long as outbox.grace
///   claims:<i>         list   heirs of an instance that is being evacuated who are somewhere else already
///   rejected           list   what could not be taken
///   lost, lost:<i>     list   disconnect events that survivors owe; taken by i
///   callbacks, callbacks:<i>
///                      list   what apps are to be told of deliveries; taken by i
///   delivered:<sha1>   string a channel's push that the app is told of already; 10 s
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

/// Names as scripts and entries hold them, one a line: none has a line break (contract section 3).
inline std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const auto& n : names) {
        out.append(out.empty() ? "" : "\n").append(n);
    }
    return out;
}

}  // namespace wsidecar::redis
