#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proto/ws/ws_violation.hpp"

namespace wsidecar::proto {

/// permessage-deflate (RFC 7692). We compress each message by itself. A client may refer to its earlier messages, so its connection
/// keeps their last bytes, the window. Therefore one object of each class serves all connections of a thread.

/// The LZ77 window of compressed output, unless a client asks for a smaller one: 4 KiB. For messages of the usual size, a larger one
/// would gain nothing.
inline constexpr int deflate_window_bits = 12;
/// The largest possible window (RFC 7692 section 7.1.2): 32 KiB.
inline constexpr int max_window_bits = 15;

class deflater {
public:
    /// `window_bits` is 8 to 15; no distance exceeds 2^window_bits bytes. `level` is zlib's, from 1 (fast) to 9.
    explicit deflater(int window_bits = deflate_window_bits, int level = 3);
    deflater(const deflater&) = delete;
    deflater& operator=(const deflater&) = delete;
    ~deflater();

    /// Returns the payload of a frame with RSV1: sync-flushed, without its 00 00 FF FF (RFC 7692 section 7.2.1).
    std::string compress(std::string_view message);

private:
    struct zlib;
    std::unique_ptr<zlib> z_;
};

class inflater {
public:
    inflater();
    inflater(const inflater&) = delete;
    inflater& operator=(const inflater&) = delete;
    ~inflater();

    /// Begins a message. `window` is the end of the earlier messages, of which at most 32 KiB are used; it is copied.
    void begin(std::string_view window = {});
    /// Inflates the next bytes of the message and appends them to `out`. `final` says that the message ends with them.
    /// Returns none if all is well, message_too_big as soon as `out` would exceed `limit` bytes, or bad_deflate.
    ws_violation feed(std::string_view bytes, bool final, std::string& out, std::uint64_t limit);

private:
    ws_violation run(std::string_view bytes, std::string& out, std::uint64_t limit);

    struct zlib;
    std::unique_ptr<zlib> z_;
};

/// The terms that were negotiated for one connection.
struct deflate_terms {
    std::string answer;             ///< the value of Sec-WebSocket-Extensions in the 101; empty if there is no agreement
    std::uint8_t send_bits = 0;     ///< window of compressed output, 8 to 12; 0 if output is not compressed
    std::uint8_t receive_bits = 0;  ///< window that the client's messages share, 8 to 15; 0 if each stands alone
};

/// Answers an offer of extensions (the values of all Sec-WebSocket-Extensions lines, joined by ", "). Returns nullopt if no offer of
/// permessage-deflate can be accepted. An offer with an unknown, repeated or malformed parameter is declined (RFC 7692 section
/// 7.1), and the next one is tried. The answer has no parameter that was not offered, because many clients refuse such an answer.
std::optional<deflate_terms> negotiate_deflate(std::string_view offers);

}  // namespace wsidecar::proto
