#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/envelope.hpp"
#include "sidecar/redis/batch.hpp"
#include "sidecar/redis/outbox_entry.hpp"

namespace wsidecar::redis {

/// Writes the actions of a batch as lua/commit.lua reads them (batch.hpp lists them), with the id of its push beside each.
class commit_actions {
public:
    explicit commit_actions(batch& to) : to_(to) {}

    /// A push for one name on one instance, without anything else to know of it.
    void one(std::string target, std::string envelope, std::string id);
    /// What lua/commit.lua needs of any other push.
    struct push_options {
        std::string envelope;  ///< or "@" and the id of its body
        std::string expires;   ///< ms since the epoch; empty: never
        bool keep = false;     ///< in mailboxes of those who are away
        std::string single;    ///< the one name that it is for; empty: several
    };
    void push(const proto::envelope& e, const outbox_entry& from, push_options o, const std::vector<std::string>& names);
    /// The next push is kept in histories. `words`: name, count, bytes and age of each.
    void history(std::vector<std::string> words);
    /// Counts under `label`.
    void reject(const char* label, std::string record);
    /// A push that is not routed has ended so.
    void note(const proto::envelope& e, const std::string& target, const char* outcome, const char* reason,
              const outbox_entry& from);
    /// The entry that referred to this body has ended.
    void release_body(std::string_view body);
    /// A part of this tally becomes two.
    void add_part(std::string_view tally);
    /// The push is counted in parts that are in several shards. `parts`: "" where they are counted already.
    void count(std::string_view tally, std::string parts, const proto::envelope& e);
    /// For another shard. `id`: of the push, where this is the only thing that becomes of it here.
    void send(unsigned shard, std::string item, std::string id);

private:
    void add(std::string id, std::initializer_list<std::string> words);

    batch& to_;
};

}  // namespace wsidecar::redis
