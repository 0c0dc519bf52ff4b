#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/stomp/ant_path.hpp"
#include "sidecar/core/dialect.hpp"
#include "sidecar/core/text.hpp"

namespace wsidecar::core {

/// What a STOMP client has subscribed to. Belongs to its stomp_client; stays where it is while it is listed.
struct subscription {
    enum class kind : std::uint8_t {
        broker,  ///< everybody's destination, or a pattern of them
        own,     ///< behind the route's user_prefix: its user's alone
        app,     ///< was answered by the app once
    };
    enum class ack_mode : std::uint8_t { automatic, client, individual };

    connection* owner = nullptr;
    std::string id;           ///< the client's; empty: a 1.0 client gave none
    std::string destination;  ///< as the client wrote it
    std::string key;          ///< as pushes name it: the broker's destination or pattern, or proto::own_destination
    kind what = kind::broker;
    ack_mode ack = ack_mode::automatic;
    std::optional<proto::stomp::ant_pattern> pattern;
    std::uint64_t mark = 0;  ///< matched by the push of this number
    bool joining = false;    ///< the registry has not answered: pushes wait
    bool asked = false;      ///< and it has been asked
    std::string receipt;     ///< of its SUBSCRIBE, until then
    struct waiting {
        frame_ptr frame;
        std::uint64_t tag = 0;
        std::uint64_t hash = 0;  ///< of the push's id
        place at{};
        std::uint64_t number = 0;  ///< of the message
        bool kept = false;         ///< while its owner was away: it is for this subscription, however old it is
    };
    std::vector<waiting> held;
    std::uint32_t history = 0;    ///< how many of its destination's latest messages it asks for
    std::uint64_t recalling = 0;  ///< number of the question; 0: none is asked
    place joined{};  ///< where the list stood just before it was registered: what was pushed before is its history's alone

    /// What it counts among its owner's and the pod's patterns: a costly pattern is several.
    std::size_t weight() const;
    /// Whether one that has been found by its key gets a push to these (only patterns need to look).
    bool takes(const std::vector<std::string>& destinations) const;
};

/// All subscriptions of this pod's clients to destinations of the broker.
class subscriptions {
public:
    void enter(subscription& s);
    void leave(subscription& s);
    std::size_t size() const { return size_; }
    /// The weights of all different patterns: what a push to a destination costs at most, in steps of 256.
    std::size_t weight() const { return weight_; }
    bool has_pattern(const std::string& text) const { return patterns_.contains(text); }

    /// Calls f(subscription, destination) once for each subscription that one of `destinations` reaches. `f` must not enter or
    /// leave any.
    template <class F>
    void match(const std::vector<std::string>& destinations, F f) {
        const std::uint64_t now = ++generation_;
        const auto once = [&](subscription& s, const std::string& destination) {
            if (s.mark != now) {
                s.mark = now;
                f(s, destination);
            }
        };
        for (const auto& d : destinations) {
            if (const auto it = exact_.find(d); it != exact_.end()) {
                for (subscription* s : it->second) {
                    once(*s, d);
                }
            }
            if (!patterns_.empty() && !is_session_destination(d)) {
                match_patterns(d, once);
            }
        }
    }

private:
    using list = std::vector<subscription*>;
    using index = by_text<list>;

    /// Of patterns only those are looked at whose segments before the first wildcard are the destination's own.
    template <class F>
    void match_patterns(const std::string& destination, F& once) {
        const proto::stomp::split_path path(destination);
        std::string front;
        for (std::size_t i = 0;; ++i) {
            if (const auto at = by_front_.find(front); at != by_front_.end()) {
                for (const list* all : at->second) {
                    if (all->front()->pattern->match(path)) {
                        for (subscription* s : *all) {
                            once(*s, destination);
                        }
                    }
                }
            }
            if (i == path.segments().size() || i == longest_front_) {
                return;
            }
            (front += '/') += path.segments()[i];
        }
    }

    index exact_;
    index patterns_;                              ///< by their text
    by_text<std::vector<const list*>> by_front_;  ///< those of patterns_, by ant_pattern::fixed_front
    std::size_t longest_front_ = 0;               ///< in segments, of any pattern there has been
    std::size_t weight_ = 0;
    std::size_t size_ = 0;
    std::uint64_t generation_ = 0;
};

}  // namespace wsidecar::core
