#pragma once

#include <string>

#include "config/config.hpp"
#include "proto/envelope_signature.hpp"

namespace wsidecar::redis {

/// The envelope as it goes through Redis: encoded, and signed where push.secret_file says so.
inline std::string signed_envelope(const proto::envelope& e, const config::config& c) {
    return proto::sign_envelope(proto::encode_envelope(e), c.push.secrets);
}

}  // namespace wsidecar::redis
