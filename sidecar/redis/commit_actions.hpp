#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/envelope.hpp"
#include "sidecar/redis/batch.hpp"
#include "sidecar/redis/outbox_entry.hpp"

namespace wsidecar::redis {

/// Writes the actions of a batch in the form that lua/commit.lua reads (batch.hpp lists them), and records each action's push id.
class commit_actions {
public:
    explicit commit_actions(batch& to) : to_(to) {}

    /// Adds the short form for a push to one name without options.
    void one(std::string target, std::string envelope, std::string id);
    /// Further arguments of the `push` action.
    struct push_options {
        std::string envelope;  ///< or "@" and the id of its body
        std::string expires;   ///< ms since the epoch; empty: never
        bool keep = false;     ///< put into the mailboxes of absent users
        std::string single;    ///< the only target; empty if there are several
    };
    void push(const proto::envelope& e, const outbox_entry& from, push_options o, const std::vector<std::string>& names);
    /// The next push is added to histories. `words` has name, count, bytes and age (ms) for each.
    void history(std::vector<std::string> words);
    /// Adds a record to the list `rejected`. `label` is the metric label to count it under; `told` is for the log.
    void reject(const char* label, std::string record, batch::told told);
    /// Records the outcome of a push that is not routed.
    void note(const proto::envelope& e, const std::string& target, const char* outcome, const char* reason,
              const outbox_entry& from);
    /// Releases an entry's reference to this body.
    void release_body(std::string_view body);
    /// Adds one part to this tally.
    void add_part(std::string_view tally);
    /// Creates the tally of a push whose parts are in several shards. `parts` is "" if the parts have been counted already.
    void count(std::string_view tally, std::string parts, const proto::envelope& e);
    /// Queues an item for another shard. `id` is the push's id if this shard does nothing else with the push.
    void send(unsigned shard, std::string item, std::string id);

private:
    void add(std::string id, std::initializer_list<std::string> words);

    batch& to_;
};

}  // namespace wsidecar::redis
