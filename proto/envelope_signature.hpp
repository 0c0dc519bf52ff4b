#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/envelope.hpp"

namespace wsidecar::proto {

/// Signatures of envelopes: the member `signature` is `v1,` and the base64 HMAC-SHA256 over the envelope's bytes as they would be
/// without that member and the comma in front of it (behind it, where it is the first). So whoever has an envelope as text signs it
/// by appending, whatever its JSON library makes of spaces and order.
struct signatures {
    const std::vector<std::string>&
        secrets;            ///< as in Standard Webhooks; the first signs, all verify; none: nothing is looked at
    bool required = false;  ///< an envelope needs one; else a wrong one is refused, and none is none
};

/// `envelope`, one object, with its signature as last member; unchanged without a secret.
std::string sign_envelope(std::string envelope, const std::vector<std::string>& secrets);

/// Whether the signature of this object, as it stands, is right. Reasons: unsigned (there is none), bad_signature.
result<void> check_signature(std::string_view envelope, const std::vector<std::string>& secrets);

/// decode_envelopes, in which an envelope without the signature that it needs is one that can't be read.
std::vector<envelope_item> decode_signed_envelopes(std::string_view bytes, const signatures& by, bool own = false);

}  // namespace wsidecar::proto
