#pragma once

// Pushes to a group, a destination or all that are kept for members who are between two connections (lua/parts/kept.lua), as the pod reads them to which
// one of these has come back.

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

/// The place that `<ms>-<seq>` names; zero where it is none.
place place_of(std::string_view id);

/// One push of such a stream.
struct kept_push {
    place at;
    std::string id;  ///< the same as text
    std::string order;
    std::string receipt;
    std::string push_id;
    std::string body;  ///< id of its body; empty: it holds its envelope
    std::string envelope;
    unsigned attempts = 1;
};

/// The part of one such stream that somebody who was away has come for.
struct claim {
    std::string audience;  ///< with its kind in front: "g"roup, "d"estination, "*", "p*"
    std::string who;       ///< "u"ser, "a"liases or "q", a subscription
    place from;            ///< behind this one
    place to;              ///< up to this one
};

/// An entry's claims, one a line.
std::vector<claim> read_claims(std::string_view lines);

/// The name by which a push of this claim is routed again.
std::string name_of(const claim& c);

/// Whether what is for this audience concerns `who`: a subscription to an own destination takes only what is for that one.
bool concerns(const proto::addresses& to, std::string_view audience, std::string_view who);

/// Makes `to` the addresses of who has come for the push: `connection`, or, where that is empty, all that he has here and that belong to the audience.
/// False: it is not for him, since it was for other destinations.
bool address_claimed(proto::addresses& to, const claim& c, std::string_view connection);

/// What was read of these streams last: many come back for the same pushes. Bounded.
class kept_streams {
public:
    using pushes = std::vector<std::shared_ptr<kept_push>>;

    /// What has to be read for this claim; nullopt: all of it is here.
    std::optional<std::pair<place, place>> missing(const claim& c) const;
    /// What was read of `audience` behind `from` and up to `to`.
    void add(const std::string& audience, place from, place to, pushes read);
    /// In order.
    pushes find(const claim& c, core::timer_port::clock::time_point now);
    /// Forgets what has not been asked for lately, and all when it is too much.
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
