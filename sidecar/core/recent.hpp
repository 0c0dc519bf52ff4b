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

/// A ring of the latest entries, in memory only. A new entry replaces the oldest one and reuses the storage of its strings.
template <class T>
class ring {
public:
    explicit ring(std::size_t places) : most_(places) {}

    /// The place for a new entry. It still holds an older entry, so the caller must set every member. Its number is count() - 1.
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
    /// The entry with this number; null if it has been replaced.
    T* at(std::uint64_t number) { return number < count_ && count_ - number <= most_ ? &places_[number % most_] : nullptr; }
    /// The number of entries ever added.
    std::uint64_t count() const { return count_; }

    /// Calls f(entry), the newest first, until f returns false.
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
    std::size_t oldest_ = 0;  ///< index of the oldest entry, when all places are taken
    std::uint64_t count_ = 0;
};

/// How a connection ended.
struct recent_close {
    std::chrono::system_clock::time_point time;
    std::string connection;
    std::string user;
    std::uint16_t code = 0;
    std::string reason;  ///< the reason in the Close frame
    close_cause cause = close_cause::app;
};

/// The outcome of a push at this instance, without its payload.
struct recent_push {
    std::chrono::system_clock::time_point time;  ///< when it arrived here
    std::string id;
    const char* door = "";  ///< list | channel | router (recorded by the instance that routes the outbox)
    std::string to;  ///< names with their kind in front ("ualice", "gtable-7"), one per line; only the first if there are many
    std::string except;  ///< excepted names, in the same form
    std::string_view
        outcome;  ///< static storage: under_way | sent (channel push) | as in receipts | routed_again | not_here | routed
    std::string_view reason;        ///< static storage
    std::string connection;         ///< the first connection that confirmed it
    std::uint32_t connections = 0;  ///< how many connections confirmed it or, if `sent`, were sent it
    double seconds = 0;             ///< time until the outcome was known
    std::string receipt;            ///< the key of the list for receipts
};

/// Writes names in the form of recent_push::to. Names beyond 512 bytes are omitted.
void write_names(const proto::addresses& names, std::string& to);
/// Whether `name` (with its kind in front) is one of the lines.
bool has_name(std::string_view lines, std::string_view name);

/// Recent events for operators: how connections ended, and where messages went.
struct recent {
    ring<recent_close> closes{50};
    ring<recent_push> pushes{
        4096};  ///< pushes with an id that the app can know: outbox pushes, and others whose id the app chose
    ring<recent_push> unnamed_pushes{1024};  ///< channel pushes without an id
    ring<recent_push> routed{4096};          ///< pushes that this instance, as the router, has routed
};

}  // namespace wsidecar::core
