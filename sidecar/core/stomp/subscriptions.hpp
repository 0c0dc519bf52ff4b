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

/// One subscription of a STOMP client. Its stomp_client owns it; its address must not change while it is in `subscriptions`.
struct subscription {
    enum class kind : std::uint8_t {
        broker,  ///< a destination shared by all users, or a pattern
        own,     ///< below the route's user_prefix: for this user only
        app,     ///< an app destination, answered once by the app
    };
    enum class ack_mode : std::uint8_t { automatic, client, individual };

    connection* owner = nullptr;
    std::string id;           ///< as the client gave it; empty if a 1.0 client gave none
    std::string destination;  ///< as the client wrote it
    std::string key;          ///< as pushes name it: the broker destination or pattern, or proto::own_destination
    kind what = kind::broker;
    ack_mode ack = ack_mode::automatic;
    std::optional<proto::stomp::ant_pattern> pattern;
    std::uint64_t mark = 0;  ///< number of the last match() that found it
    bool joining = false;    ///< the registry has not answered, so pushes are held
    bool asked = false;      ///< while joining: whether the registry was asked
    std::string receipt;     ///< while joining: the receipt header of SUBSCRIBE
    struct waiting {
        frame_ptr frame;
        std::uint64_t tag = 0;
        std::uint64_t hash = 0;  ///< hash of the push's id
        place at{};
        std::uint64_t number = 0;  ///< number of the message
        bool kept = false;         ///< kept while the owner was away, so delivered however old it is
    };
    std::vector<waiting> held;
    std::uint32_t history = 0;    ///< how many of the destination's latest messages it asks for
    std::uint64_t recalling = 0;  ///< number of the pending history request; 0 if none
    /// Place and number of messages from the history that have no ACK yet, while other copies of them may still come: kept for the owner,
    /// or live. Such a copy is the same message, and waits for its ACK.
    std::vector<std::pair<place, std::uint64_t>> recalled;
    position joined;  ///< last place of its order just before registration; earlier pushes come only from the history

    /// The number of patterns that it counts as in the limits of its owner and of the instance; expensive patterns count as several.
    std::size_t weight() const;
    /// Whether a subscription that was found by its key gets a push to `destinations`. Only patterns need this check.
    bool takes(const std::vector<std::string>& destinations) const;
};

/// All subscriptions of this instance's clients to broker destinations. Event loop only.
class subscriptions {
public:
    void enter(subscription& s);
    void leave(subscription& s);
    std::size_t size() const { return size_; }
    /// The sum of the weights of all different patterns: the highest cost of matching one push, in units of 256 steps.
    std::size_t weight() const { return weight_; }
    bool has_pattern(const std::string& text) const { return patterns_.contains(text); }

    /// Calls f(subscription, destination) once for each subscription that matches any of `destinations`. `f` must not add or remove
    /// subscriptions.
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

    /// Checks only patterns whose segments before the first wildcard equal those of the destination.
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
    index patterns_;                              ///< by the pattern's text
    by_text<std::vector<const list*>> by_front_;  ///< the patterns by ant_pattern::fixed_front
    std::size_t longest_front_ = 0;               ///< longest fixed front of any pattern so far, in segments
    std::size_t weight_ = 0;
    std::size_t size_ = 0;
    std::uint64_t generation_ = 0;
};

}  // namespace wsidecar::core
