#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wsidecar::redis {

/// The names of everything under the prefix. Apps may read presence; the rest is between instances and may change with
/// the format number.
///
///   config             hash   format, lease, pop, outbox: what all live instances agree on
///   epoch              hash   id of this data's generation; replaced: ms when instances found it instead of another one
///   instances          hash   instance -> JSON {"since","format"}
///   lease:<i>          string 1, or 0 while its connections are not all registered; PX lease
///   beats              hash   instance -> ms of Redis' clock when it last renewed its lease
///   dead:<i>           string tombstone: this instance was reaped; 24 h
///   presence:<user>    hash   connection -> JSON {"instance","path","since"}
///   where:user:<n>, where:alias:<n>, where:group:<n>, where:destination:<d>, where:pattern:*, where:subscription:<n>
///                      hash   instance -> number of its connections with this name
///   conn:<id>          hash   what a survivor must know for the disconnect event
///   conns:<i>          set    connection ids of an instance
///   outbox             list   pushes of the apps; outbox:returned: what has to be routed again, served first
///   inbox:<i>          stream pushes for one instance; wide: pushes for all or very many
///   wide:cursors       hash   instance -> last id of wide it has delivered
///   router             string token of the instance that routes the outbox; PX lease. router:<list>: of a list in `sources`
///   routing            hash   sha1 and tries of the outbox's head (poison)
///   order              hash   ms, seq: the last id of all streams; wide: the last of wide
///   fan:<order>        hash   a push on its way to several instances: who of them has not settled it, who had it
///   left:user:<n>, left:alias:<n>
///                      string its last connection ended less than outbox.grace ago
///   mailbox:user:<n>, mailbox:alias:<n>
///                      zset   pushes kept for it; mailboxes: zset of names by the next deadline; mailbox:sizes: hash, bytes
///   gone:<i>:<target>  set    names that a dead instance had for `*` or a group; 1 h
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
