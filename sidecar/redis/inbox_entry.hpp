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
    first_place = 'o',    ///< the push's place when it was first routed; if absent, the entry's own id
    history_place = 'p',  ///< the push's place in the histories, if it differs from `first_place`
    name = 's',           ///< the only target
    names = 't',          ///< several targets, one per line
    fan_out = 'f',        ///< id of the fan-out counter of a name that is on several instances
    tally = 'y',          ///< id of the push's tally
    receipt_key = 'r',    ///< the list to which receipts are written
    push_id = 'i',
    claimed_by = 'c',        ///< the connection that takes the push from a mailbox, or whose user has come back
    broadcast_before = 'w',  ///< id of the last entry of the broadcast stream that was routed before this one
    moved_from = 'v',        ///< id of the entry from which the push has moved (lua/settle.lua)
    handover = 'h',          ///< name of a handover (lua/evacuate.lua)
    claims = 'k',            ///< claims to kept pushes (lua/parts/kept.lua)
};

/// The fields of one entry. They view the reply of Redis until keep() copies them.
class entry_fields {
public:
    entry_fields() = default;
    /// `all` has names and values alternately, as XREAD and XRANGE return them. Names other than one lower-case letter, which later
    /// versions may write, are ignored.
    explicit entry_fields(proto::reply_view all);

    /// The value of a field; empty if the entry lacks it.
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

    /// Whether the entry names something that must be read before delivery (reference_reader.hpp).
    bool refers() const { return fields.has(field::body) || fields.has(field::handover) || fields.has(field::claims); }
};

/// Parses the field `attempts`. Returns 0 if it is empty.
unsigned attempts_in(std::string_view text);

}  // namespace wsidecar::redis
