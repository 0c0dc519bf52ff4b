#include "sidecar/redis/shard_split.hpp"

#include <utility>

#include "proto/text/ids.hpp"
#include "sidecar/core/place.hpp"
#include "sidecar/redis/keys.hpp"
#include "sidecar/redis/receipt_keys.hpp"
#include "sidecar/redis/signed_envelope.hpp"
#include "sidecar/redis/target_names.hpp"

namespace wsidecar::redis {
namespace {

/// What a push's first place is called in another shard: such places are told from all of its own, whose second number is lower.
std::string foreign_order(std::string_view order, unsigned shard) {
    const auto at = core::read_place(order);
    return at ? core::text_of(core::in_shard(*at, shard)) : std::string(order);
}

}  // namespace

bool shard_split::send_elsewhere(proto::envelope_item& item, outbox_entry& from, bool& is_as_written) {
    proto::envelope& e = *item.value;
    if (!at_.several() || from.attempts >= max_attempts ||
        (from.is_fresh() && !e.receipt.empty() && !may_hold_receipts(e.receipt, config_))) {
        return true;
    }
    const auto parts = by_shard(from.names.empty() ? targets_of(e) : split_lines(from.names), at_);
    const bool here = parts.contains(at_.here);
    if (parts.empty() || (here && parts.size() == 1)) {
        return true;
    }
    const bool routed_before = !from.tally.empty();
    count_parts(e, from, parts.size());
    if (routed_before && !e.receipt.empty()) {
        actions_.count(from.tally, "", e);  // its last part may end elsewhere
    }
    const std::string tally = from.tally.empty() ? "" : '^' + std::to_string(at_.here) + '.' + from.tally;
    bool told = false;
    for (const auto& [shard, names] : parts) {
        if (shard == at_.here) {
            continue;
        }
        std::string envelope(from.envelope);
        if (from.names.empty() && (!is_as_written || parts.size() > 1)) {
            proto::envelope part = e;
            if (parts.size() > 1) {
                part.to = narrowed(std::move(part.to), joined(names));
            }
            envelope = signed_envelope(part, config_);
        } else if (from.names.empty()) {
            envelope = item.raw;
        }
        actions_.send(shard,
                      'p' + returned_entry(from.attempts, foreign_order(from.order, at_.here), tally,
                                           from.names.empty() ? "" : joined(names), envelope),
                      !here && !std::exchange(told, true) ? e.id : "");
    }
    is_as_written = false;
    if (here && from.names.empty()) {
        e.to = narrowed(std::move(e.to), joined(parts.at(at_.here)));
    } else if (here) {
        from.names = joined(parts.at(at_.here));
    }
    return here;
}

/// The parts of a push have one receipt together, and the app is told of their delivery once.
void shard_split::count_parts(proto::envelope& e, outbox_entry& from, std::size_t parts) {
    if (parts < 2) {
        return;
    }
    if (!from.tally.empty()) {
        for (std::size_t i = 1; i < parts; ++i) {
            actions_.add_part(from.tally);
        }
        return;
    }
    const std::string name = '~' + proto::random_hex128();
    if (!e.callback.empty() && from.is_fresh()) {
        e.callback.insert(0, name);
    }
    if (!e.receipt.empty() && config_.outbox.receipts != "each") {
        from.tally = name;
        actions_.count(name, std::to_string(parts), e);
    }
}

}  // namespace wsidecar::redis
