#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/text/result.hpp"

namespace wsidecar::proto {

/// A signing secret of the Standard Webhooks specification: `whsec_` and base64, or any bytes.
/// Problem bad_secret: the secret is empty or is not base64.
result<std::string> webhook_key(std::string_view secret);

/// The value of webhook-signature: `v1,` and the base64 HMAC-SHA256 over `id.timestamp.body`, one for each key,
/// separated by spaces (there are two while a secret is being replaced). `timestamp` is in Unix seconds.
std::string webhook_signature(const std::vector<std::string>& keys, std::string_view id, std::string_view timestamp,
                              std::string_view body);

}  // namespace wsidecar::proto
