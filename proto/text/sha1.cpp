#include "proto/text/sha1.hpp"

#include <openssl/sha.h>

#include "proto/text/hex.hpp"

namespace wsidecar::proto {

std::string sha1_hex(std::string_view bytes) {
    unsigned char digest[SHA_DIGEST_LENGTH];
    SHA1(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
    std::string out;
    out.reserve(2 * sizeof digest);
    for (const unsigned char c : digest) {
        append_hex(out, c);
    }
    return out;
}

}  // namespace wsidecar::proto
