#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/envelope.hpp"

namespace wsidecar::proto {

/// Signatures of envelopes. The member `signature` is `v1,` and the base64 HMAC-SHA256 over the envelope's bytes without that member
/// and without the comma in front of it (or behind it, if it is the first member). So an app that has an envelope as text signs it by
/// appending the member, whatever order and white space its JSON library writes.
struct signatures {
    const std::vector<std::string>&
        secrets;            ///< as in Standard Webhooks: the first signs, all verify; if there are none, nothing is verified
    bool required = false;  ///< whether an envelope must have a signature; a wrong one is always refused
};

/// `envelope` is one object. Returns it with its signature as the last member, or unchanged if there is no secret.
std::string sign_envelope(std::string envelope, const std::vector<std::string>& secrets);

/// Verifies the signature of this object, byte by byte as it stands. Reasons: unsigned (there is none), bad_signature.
result<void> check_signature(std::string_view envelope, const std::vector<std::string>& secrets);

/// Like decode_envelopes(), but an envelope without the signature that it needs is an item with a problem.
std::vector<envelope_item> decode_signed_envelopes(std::string_view bytes, const signatures& by, bool own = false);

}  // namespace wsidecar::proto
