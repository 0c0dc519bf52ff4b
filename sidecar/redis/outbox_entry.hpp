#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace wsidecar::redis {

/// Envelopes that entries refer to, by the ids of their bodies (lua/parts/bodies.lua).
using bodies = std::unordered_map<std::string_view, std::string_view>;

/// An entry that the router reads: from the outbox, from a source's list or stream, or from `outbox:returned`.
struct outbox_entry {
    std::string_view envelope;
    unsigned attempts = 0;      ///< how often routing has failed before
    std::string_view order;     ///< the place of the first routing; empty if it has not been routed
    std::string tally;          ///< id of the tally of the push that this is a part of; empty if it is not a part
    std::string names;          ///< the names that it has not reached, one per line; empty for all of the push's targets
    std::string_view body;      ///< id of the body that holds the envelope; empty if the entry itself does
    bool is_as_written = true;  ///< the envelope's bytes are those that the app wrote

    /// Whether the entry has never been routed.
    bool is_fresh() const { return attempts == 0 && order.empty(); }
};

/// Parses an element of `outbox:returned`. A text in another form, such as one that an operator put there, counts as an envelope. The
/// result views `text` and `referred`.
outbox_entry read_returned(std::string_view text, const bodies& referred);

/// Writes such an element: the four words, and the envelope or "@" with the id of its body, separated by CR.
std::string returned_entry(unsigned attempts, std::string_view order, std::string_view tally, std::string_view names,
                           std::string_view envelope);

}  // namespace wsidecar::redis
