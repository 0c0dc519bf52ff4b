#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/core/metrics.hpp"
#include "sidecar/core/ports.hpp"
#include "sidecar/redis/received_push.hpp"

namespace wsidecar::redis {

/// How a push has ended at this instance, for receipts.
enum class push_end : std::uint8_t {
    none,  ///< it is routed again, or nobody here was meant
    delivered,
    dropped,
    expired,
    no_connection,
    moved,  ///< it has not ended: it goes on under a new entry of this instance's inbox, without the names in `same`
};
/// As lua/settle.lua and receipts have it.
constexpr const char* word(push_end e) {
    switch (e) {
        case push_end::none: break;
        case push_end::delivered: return "delivered";
        case push_end::dropped: return "dropped";
        case push_end::expired: return "expired";
        case push_end::no_connection: return "no_connection";
        case push_end::moved: return "move";
    }
    return "";
}

/// The report of one push that has ended at this instance, with which lua/settle.lua removes it from Redis.
struct settlement {
    push_source source = push_source::inbox;
    place id;            ///< id in the stream of `source`
    std::string same;    ///< names to route it to again, one per line, whose connection ended before it confirmed the push
    std::string failed;  ///< names to route it to again, one per line, that had no connection here; this counts as an attempt
    std::uint32_t reached = 0;
    std::uint32_t dropped = 0;
    push_end outcome = push_end::none;
    std::optional<core::undelivered_reason> reason;
    std::string connection;  ///< the first connection that confirmed it; for a handover's push, the handover's name
    std::string
        lines;  ///< receipts of single connections (outbox.receipts: each), one per line; for a kept push, its description as JSON
    std::string callback;  ///< the pending callback; for a kept push, the member that it was for

    /// The number of script arguments of one settlement.
    static constexpr std::size_t words = 11;
    void append_to(std::vector<std::string>& arguments) const;
};

/// Whether Redis needs a report, and not only the information that the entry can be removed.
bool needs_report(const received_push& p, const settlement& s);

/// The settlement of a push with an entry of its own. Counts in `m` what is routed again and what had no connection.
settlement settlement_of(const received_push& p, const core::delivery_outcome& o, core::metrics& m,
                         std::chrono::system_clock::time_point now);
/// The settlement of a push that goes to no client, with the given outcome and reason.
settlement settlement_of(const received_push& p, push_end outcome, std::optional<core::undelivered_reason> reason = {});
/// The settlement of a push from a handover; nullopt if there is nothing to report.
std::optional<settlement> settlement_of_handover(const received_push& p, const core::delivery_outcome& o, core::metrics& m);
/// The settlement of a kept push; nullopt if there is nothing to report.
std::optional<settlement> settlement_of_kept(const received_push& p, const core::delivery_outcome& o, core::metrics& m);

}  // namespace wsidecar::redis
