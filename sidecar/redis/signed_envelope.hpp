#pragma once

#include <string>

#include "config/config.hpp"
#include "proto/envelope_signature.hpp"

namespace wsidecar::redis {

/// Encodes the envelope for Redis, and signs it if push.secret_file is set.
inline std::string signed_envelope(const proto::envelope& e, const config::config& c) {
    return proto::sign_envelope(proto::encode_envelope(e), c.push.secrets);
}

}  // namespace wsidecar::redis
