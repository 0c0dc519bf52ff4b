#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proto/resp.hpp"
#include "sidecar/redis/kept.hpp"

namespace wsidecar::redis {

/// The fields of an entry of an inbox, of the broadcast stream, or of a stream of kept pushes. Redis stores each under one letter, because a field
/// name is repeated in every entry (lua/commit.lua writes them).
enum class field : char {
    envelope = 'e',
    body = 'b',           ///< id of the body that holds the envelope, where several entries share it
    attempts = 'n',       ///< how often routing has failed before
    first_place = 'o',    ///< where the push was first routed; absent: the entry's own id
    history_place = 'p',  ///< its place in the histories, where that is not `first_place`
    name = 's',           ///< the one name that it is for
    names = 't',          ///< the several names that it is for, one a line
    fan_out = 'f',        ///< id of the fan-out counter of a name that is on several instances
    tally = 'y',          ///< id of the count of its parts
    receipt_key = 'r',    ///< the list that receipts go to
    push_id = 'i',
    claimed_by = 'c',        ///< the connection that takes it out of a mailbox, or that has come back
    broadcast_before = 'w',  ///< id of the last entry of the broadcast stream that was routed before this one
    moved_from = 'v',        ///< id that it had in the broadcast stream
    handover = 'h',          ///< what a dead instance had not delivered to a group, a destination or all (lua/evacuate.lua)
    claims = 'k',            ///< what was kept for somebody who has come back (lua/parts/kept.lua)
};

/// The fields of one entry. They view the reply of Redis until keep() copies them.
class entry_fields {
public:
    entry_fields() = default;
    /// `all`: names and values in turn, as XREAD and XRANGE give them. Names that are not one small letter are of a later version.
    explicit entry_fields(proto::reply_view all);

    /// Empty: the entry does not have it.
    std::string_view operator[](field f) const { return values_[index(f)]; }
    std::string_view& operator[](field f) { return values_[index(f)]; }
    bool has(field f) const { return !(*this)[f].empty(); }
    /// Copies the values, so that they outlive the reply. Copies of this object share them.
    void keep();

private:
    static std::size_t index(field f) { return static_cast<std::size_t>(static_cast<char>(f) - 'a'); }

    std::array<std::string_view, 26> values_{};
    std::shared_ptr<std::string> storage_;
};

/// The streams that an instance reads.
enum class stream_kind : std::uint8_t {
    inbox,      ///< its own: `inbox:<instance>`
    broadcast,  ///< the one that all instances read: `wide`
};

/// An entry of one of these streams, as it was read.
struct inbox_entry {
    place id;
    stream_kind stream = stream_kind::inbox;
    entry_fields fields;

    /// It names something that has to be read before it can be delivered (reference_reader.hpp).
    bool refers() const { return fields.has(field::body) || fields.has(field::handover) || fields.has(field::claims); }
};

/// How often routing has failed, as a field says it; 0 where it says nothing.
unsigned attempts_in(std::string_view text);

}  // namespace wsidecar::redis
