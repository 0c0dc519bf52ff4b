#pragma once

// Pushes to an audience (a group, a destination or all) are kept for members who are between two connections (lua/parts/kept.lua).
// The instance to which such a member returns reads them with the types of this file.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/envelope.hpp"
#include "sidecar/core/ports.hpp"

namespace wsidecar::redis {

using core::place;
using core::text_of;

/// Parses a place of the form `<ms>-<seq>`. Returns the zero place if the text is malformed.
place place_of(std::string_view id);

/// One push in the stream `kept:<audience>`.
struct kept_push {
    place at;
    std::string id;  ///< `at` as text
    std::string order;
    std::string receipt;
    std::string push_id;
    std::string body;  ///< id of the body with the envelope; empty if the entry holds the envelope itself
    std::string envelope;
    unsigned attempts = 1;
};

/// The range of one such stream that a returning member takes.
struct claim {
    std::string audience;  ///< name with its kind in front: "g" a group, "d" a destination, "*" all, "p*" every pattern
    std::string who;       ///< name with its kind in front: "u" a user, "a" aliases, "q" a subscription
    place from;            ///< exclusive
    place to;              ///< inclusive
};

/// Parses the claims of an inbox entry, one per line.
std::vector<claim> read_claims(std::string_view lines);

/// The name under which a push of this claim is routed again.
std::string name_of(const claim& c);

/// Whether a push to this audience is for `who`. A subscription to one destination takes only pushes to that destination.
bool concerns(const proto::addresses& to, std::string_view audience, std::string_view who);

/// Replaces `to` by the addresses of the claimant: `connection`, or, if that is empty, every connection of theirs on this instance
/// that belongs to the audience. Returns false if the push was for other destinations and so is not theirs.
bool address_claimed(proto::addresses& to, const claim& c, std::string_view connection);

/// A cache of the parts of these streams that were read last, because many members return for the same pushes. tidy() bounds its
/// size. Event loop only.
class kept_streams {
public:
    using pushes = std::vector<std::shared_ptr<kept_push>>;

    /// The range (exclusive, inclusive) that must be read for this claim, or nullopt if the cache has all of it.
    std::optional<std::pair<place, place>> missing(const claim& c) const;
    /// Adds the pushes to `audience` that were read after `from` and up to and including `to`.
    void add(const std::string& audience, place from, place to, pushes read);
    /// The pushes of this claim, in the order of their places.
    pushes find(const claim& c, core::timer_port::clock::time_point now);
    /// Drops parts that have not been used lately, and everything when the cache exceeds its bound in bytes.
    void tidy(core::timer_port::clock::time_point now);
    void clear() { streams_.clear(); }

private:
    struct part {
        place from;
        place to;
        pushes all;
        std::size_t bytes = 0;
        core::timer_port::clock::time_point used{};
    };
    std::map<std::string, part, std::less<>> streams_;
};

}  // namespace wsidecar::redis
