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

/// What Redis has to hear of one push that has ended at this instance, so that it can be taken out (lua/settle.lua).
struct settlement {
    push_source source = push_source::inbox;
    place id;            ///< in the stream that `source` stands for
    std::string same;    ///< names to route it to again, one a line: their connection ended before it confirmed the push
    std::string failed;  ///< likewise, of those that had no connection here: that counts as an attempt
    std::uint32_t reached = 0;
    std::uint32_t dropped = 0;
    const char* outcome =
        "";  ///< for receipts: delivered, dropped, expired, no_connection; "move": the push goes on in the inbox
    const char* reason = "";
    std::string connection;  ///< the first that confirmed it; of a handover: its name
    std::string
        lines;  ///< receipts of single connections (outbox.receipts: each), one a line; of a kept push: what it was, as JSON
    std::string callback;  ///< what the app is told; of a kept push: whom it was for

    /// How many arguments one of them is.
    static constexpr std::size_t words = 11;
    void append_to(std::vector<std::string>& arguments) const;
};

/// Whether Redis must hear more of it than that the entry can go.
bool needs_report(const received_push& p, const settlement& s);

/// Of a push with an entry of its own that ended as `o`. Counts what is routed again, and what had no connection.
settlement settlement_of(const received_push& p, const core::delivery_outcome& o, core::metrics& m,
                         std::chrono::system_clock::time_point now);
/// The same with a given end, of a push that goes to nobody.
settlement settlement_of(const received_push& p, const char* outcome, const char* reason);
/// Of a push from a handover: nullopt when the one whom it was read for needs it no more.
std::optional<settlement> settlement_of_handover(const received_push& p, const core::delivery_outcome& o, core::metrics& m);
/// Of a kept push: nullopt when nobody wants to know.
std::optional<settlement> settlement_of_kept(const received_push& p, const core::delivery_outcome& o, core::metrics& m);

}  // namespace wsidecar::redis
