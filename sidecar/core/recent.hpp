#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/envelope.hpp"
#include "sidecar/core/close_cause.hpp"

namespace wsidecar::core {

/// The latest entries of something, in memory only; the oldest gives its place to the newest, and its strings their storage.
template <class T>
class ring {
public:
    explicit ring(std::size_t places) : most_(places) {}

    /// The place for a new entry, as an older one left it: whoever gets it sets every member. Its number is count() - 1.
    T& next() {
        ++count_;
        if (places_.size() < most_) {
            if (places_.empty()) {
                places_.reserve(most_);  // pages that are never reached cost nothing, and a place stays where it is
            }
            return places_.emplace_back();
        }
        T& place = places_[oldest_];
        oldest_ = oldest_ + 1 == most_ ? 0 : oldest_ + 1;
        return place;
    }
    /// The entry with this number; null once it has given its place away.
    T* at(std::uint64_t number) { return number < count_ && count_ - number <= most_ ? &places_[number % most_] : nullptr; }
    /// How many there have been.
    std::uint64_t count() const { return count_; }

    /// f(entry), the newest first; ends when f returns false.
    template <class F>
    void newest_first(F f) const {
        for (std::uint64_t n = count_; n > count_ - places_.size(); --n) {
            if (!f(places_[(n - 1) % most_])) {
                return;
            }
        }
    }

private:
    std::vector<T> places_;
    std::size_t most_;
    std::size_t oldest_ = 0;  ///< once all places are taken
    std::uint64_t count_ = 0;
};

/// How a connection ended.
struct recent_close {
    std::chrono::system_clock::time_point time;
    std::string connection;
    std::string user;
    std::uint16_t code = 0;
    std::string reason;  ///< of the close frame
    close_cause cause = close_cause::app;
};

/// What became of a push at this instance. Never what is in it.
struct recent_push {
    std::chrono::system_clock::time_point time;  ///< when it came here
    std::string id;
    const char* door = "";     ///< list | channel | router: told by the instance that routes the outbox
    std::string to;            ///< names with their kind in front ("ualice", "gtable-7"), one a line; of many the first
    std::string except;        ///< likewise
    std::string_view outcome;  ///< static: under_way | sent (a channel's) | as in receipts | routed_again | not_here | routed
    std::string_view reason;   ///< static
    std::string connection;    ///< the first that had it
    std::uint32_t connections = 0;  ///< how many had it, or, sent, were given it
    double seconds = 0;             ///< until the outcome was known
    std::string receipt;            ///< the key that its receipts go to
};

/// Names as recent_push has them; what does not fit into 512 bytes is left out.
void write_names(const proto::addresses& names, std::string& to);
/// Whether `name` (kind in front) is one of these lines.
bool has_name(std::string_view lines, std::string_view name);

/// What an operator asks about afterwards: how connections ended, where a message went.
struct recent {
    ring<recent_close> closes{50};
    ring<recent_push> pushes{4096};          ///< with an id that the app can know: of the list, or chosen by it
    ring<recent_push> unnamed_pushes{1024};  ///< of channels, without an id
    ring<recent_push> routed{4096};          ///< that this instance, as the router, gave to an instance
};

}  // namespace wsidecar::core
