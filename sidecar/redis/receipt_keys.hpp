#pragma once

#include <string_view>

#include "config/config.hpp"

namespace wsidecar::redis {

/// Whether receipts may be written to this Redis key, which a push names: it is under the prefix or `outbox.receipt_prefix`, and none of wsidecar's
/// own keys (keys.hpp).
bool may_hold_receipts(std::string_view key, const config::config& c);

}  // namespace wsidecar::redis
