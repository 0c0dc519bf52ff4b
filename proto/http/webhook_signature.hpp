#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/text/result.hpp"

namespace wsidecar::proto {

/// A signing secret of the Standard Webhooks specification: `whsec_` and base64, or the bytes as they stand.
/// Problem bad_secret: not base64, or empty.
result<std::string> webhook_key(std::string_view secret);

/// The value of webhook-signature: `v1,` and the base64 HMAC-SHA256 over `id.timestamp.body`, one for each key,
/// separated by spaces (two while a secret is being replaced). `timestamp`: Unix seconds.
std::string webhook_signature(const std::vector<std::string>& keys, std::string_view id, std::string_view timestamp,
                              std::string_view body);

}  // namespace wsidecar::proto
