#include "proto/http/content_coding.hpp"

#include <zlib.h>

#include <array>
#include <new>

#include "proto/text/ascii.hpp"

namespace wsidecar::proto {

namespace {

constexpr std::size_t chunk_size = 16 * 1024;
constexpr int zlib_or_gzip = 15 + 32;  ///< window bits that let zlib look for either header
constexpr int no_header = -15;

class stream {
public:
    explicit stream(int window_bits) {
        if (inflateInit2(&z_, window_bits) != Z_OK) {
            throw std::bad_alloc();
        }
    }
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;
    ~stream() { inflateEnd(&z_); }

    z_stream& operator*() { return z_; }

private:
    z_stream z_{};
};

result<std::string> inflated(std::string_view body, int window_bits, std::size_t limit) {
    stream holder(window_bits);
    z_stream& z = *holder;
    // zlib's next_in is not const unless ZLIB_CONST; it only reads.
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
    z.avail_in = static_cast<uInt>(body.size());
    std::string out;
    std::array<char, chunk_size> chunk;
    for (;;) {
        z.next_out = reinterpret_cast<Bytef*>(chunk.data());
        z.avail_out = static_cast<uInt>(chunk.size());
        const int rc = ::inflate(&z, Z_NO_FLUSH);
        const std::size_t produced = chunk.size() - z.avail_out;
        if (produced > limit - out.size()) {
            return problem{"too_big", "the body is larger than the limit when decoded"};
        }
        out.append(chunk.data(), produced);
        if (rc == Z_STREAM_END && z.avail_in == 0) {
            return out;
        }
        if (rc == Z_STREAM_END && window_bits == zlib_or_gzip) {
            inflateReset(&z);  // a gzip file may have several members (RFC 1952 section 2.2)
        } else if (rc != Z_OK) {
            return problem{"bad_coding", "the body is damaged or cut off"};
        }
    }
}

}  // namespace

result<std::string> decode_content(std::string_view coding, std::string_view body, std::size_t limit) {
    coding = trim(coding);
    if (coding.empty() || iequals(coding, "identity")) {
        return std::string(body);
    }
    const bool gzip = iequals(coding, "gzip") || iequals(coding, "x-gzip");
    if (!gzip && !iequals(coding, "deflate")) {
        return problem{"unknown_coding", "this content coding is not known"};
    }
    auto out = inflated(body, zlib_or_gzip, limit);
    // Some servers leave the zlib header out of `deflate`.
    const bool bare = !gzip && !out && std::string_view(out.error().reason) == "bad_coding";
    return bare ? inflated(body, no_header, limit) : out;
}

}  // namespace wsidecar::proto
