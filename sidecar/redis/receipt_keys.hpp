#pragma once

#include <string_view>

#include "config/config.hpp"

namespace wsidecar::redis {

/// Whether receipts may be written to `key`, which a push names. It must begin with the service's prefix or `outbox.receipt_prefix`, and
/// must not be one of wsidecar's own keys (keys.hpp).
bool may_hold_receipts(std::string_view key, const config::config& c);

}  // namespace wsidecar::redis
