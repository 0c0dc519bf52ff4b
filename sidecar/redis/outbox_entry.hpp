#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace wsidecar::redis {

/// Envelopes that entries refer to, by the ids of their bodies (lua/parts/bodies.lua).
using bodies = std::unordered_map<std::string_view, std::string_view>;

/// An entry that the router takes: of the outbox, of a source's list or stream, or one that was put back (`outbox:returned`).
struct outbox_entry {
    std::string_view envelope;
    unsigned attempts = 0;      ///< how often routing has failed before
    std::string_view order;     ///< the place where it was first routed; empty: it was not yet
    std::string tally;          ///< id of the count of the push that it is a part of; empty: it is none
    std::string names;          ///< whom it has not reached, one a line; empty: all it is for
    std::string_view body;      ///< id of the body that holds the envelope; empty: the entry does
    bool is_as_written = true;  ///< by an app, as an envelope

    /// It has not been routed before.
    bool is_fresh() const { return attempts == 0 && order.empty(); }
};

/// Reads an element of `outbox:returned`; what an operator has put there is taken for an envelope. The result views `text` and `referred`.
outbox_entry read_returned(std::string_view text, const bodies& referred);

/// Writes such an element: the four words and the envelope, or "@" and the id of its body, with a CR between them.
std::string returned_entry(unsigned attempts, std::string_view order, std::string_view tally, std::string_view names,
                           std::string_view envelope);

}  // namespace wsidecar::redis
