#include "proto/ws/deflate.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>

namespace wsidecar::proto {

namespace {

/// What a sync flush leaves and a frame does not carry.
constexpr std::string_view flush_tail("\x00\x00\xFF\xFF", 4);
constexpr std::size_t chunk_size = 16 * 1024;
/// Messages reach 2^32 bytes in no sane configuration, but zlib counts input in 32 bits.
constexpr std::size_t input_at_once = 1U << 30U;

Bytef* input(const char* p) {
    // zlib's next_in is not const unless ZLIB_CONST; it only reads.
    return reinterpret_cast<Bytef*>(const_cast<char*>(p));
}

}  // namespace

struct deflater::zlib {
    z_stream stream{};
};

deflater::deflater(int window_bits, int level) : z_(std::make_unique<zlib>()) {
    // zlib makes no raw stream with 8 bits. Its distances end 262 bytes before the window does, so one of 9 bits keeps to 256.
    const int bits = std::max(window_bits, 9);
    if (deflateInit2(&z_->stream, level, Z_DEFLATED, -bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        throw std::bad_alloc();
    }
}

deflater::~deflater() {
    deflateEnd(&z_->stream);
}

std::string deflater::compress(std::string_view message) {
    z_stream& s = z_->stream;
    deflateReset(&s);
    std::string out;
    do {
        const std::size_t n = std::min(message.size(), input_at_once);
        s.next_in = input(message.data());
        s.avail_in = static_cast<uInt>(n);
        message.remove_prefix(n);
        const int flush = message.empty() ? Z_SYNC_FLUSH : Z_NO_FLUSH;
        std::array<char, chunk_size> chunk;
        do {
            s.next_out = reinterpret_cast<Bytef*>(chunk.data());
            s.avail_out = static_cast<uInt>(chunk.size());
            ::deflate(&s, flush);
            out.append(chunk.data(), chunk.size() - s.avail_out);
        } while (s.avail_out == 0);
    } while (!message.empty());
    out.resize(out.size() - flush_tail.size());
    return out;
}

struct inflater::zlib {
    z_stream stream{};
    bool ended = false;  ///< the last byte so far was the last of a block with BFINAL
};

inflater::inflater() : z_(std::make_unique<zlib>()) {
    if (inflateInit2(&z_->stream, -max_window_bits) != Z_OK) {
        throw std::bad_alloc();
    }
}

inflater::~inflater() {
    inflateEnd(&z_->stream);
}

void inflater::begin(std::string_view window) {
    inflateReset(&z_->stream);
    if (!window.empty()) {
        inflateSetDictionary(&z_->stream, reinterpret_cast<const Bytef*>(window.data()), static_cast<uInt>(window.size()));
    }
    z_->ended = false;
}

ws_violation inflater::feed(std::string_view bytes, bool final, std::string& out, std::uint64_t limit) {
    while (!bytes.empty()) {
        const auto n = std::min(bytes.size(), input_at_once);
        if (const auto v = run(bytes.substr(0, n), out, limit); v != ws_violation::none) {
            return v;
        }
        bytes.remove_prefix(n);
    }
    if (!final || z_->ended) {
        return ws_violation::none;
    }
    if (const auto v = run(flush_tail, out, limit); v != ws_violation::none) {
        return v;
    }
    // 128: stands between two blocks; the low bits: unused bits of the last byte. Anything else was cut off.
    if ((z_->stream.data_type & 0xFF) != 128) {
        return ws_violation::bad_deflate;  // the compressed message breaks off in the middle of a block
    }
    return ws_violation::none;
}

ws_violation inflater::run(std::string_view bytes, std::string& out, std::uint64_t limit) {
    z_stream& s = z_->stream;
    s.next_in = input(bytes.data());
    s.avail_in = static_cast<uInt>(bytes.size());
    std::array<char, chunk_size> chunk;
    z_->ended = false;
    bool full = true;
    while (s.avail_in > 0 || full) {
        s.next_out = reinterpret_cast<Bytef*>(chunk.data());
        s.avail_out = static_cast<uInt>(chunk.size());
        const int rc = ::inflate(&s, Z_SYNC_FLUSH);
        const std::size_t produced = chunk.size() - s.avail_out;
        if (produced > limit - out.size()) {
            return ws_violation::message_too_big;  // the message is larger than the limit after inflating
        }
        out.append(chunk.data(), produced);
        full = s.avail_out == 0 && rc != Z_STREAM_END;
        if (rc == Z_STREAM_END) {
            // A block with BFINAL set is legal (RFC 7692 section 7.2.3.4); what follows is a stream of its own, in the same
            // window.
            inflateResetKeep(&s);
            z_->ended = s.avail_in == 0;
        } else if (rc != Z_OK && rc != Z_BUF_ERROR) {
            return ws_violation::bad_deflate;  // the compressed message is no deflate stream
        }
    }
    return ws_violation::none;
}

}  // namespace wsidecar::proto
