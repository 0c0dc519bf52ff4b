#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proto/ws/ws_violation.hpp"

namespace wsidecar::proto {

/// permessage-deflate (RFC 7692). What we send stands alone, message by message; a client may go on with its context, which
/// is kept by its connection as the bytes of the window. So one object of each class serves all connections of a thread.

/// LZ77 window of what we send, unless a client asks for a smaller one: 4 KiB. For messages of the usual size it costs
/// nothing.
inline constexpr int deflate_window_bits = 12;
/// The largest window that there is (RFC 7692 section 7.1.2): 32 KiB.
inline constexpr int max_window_bits = 15;

class deflater {
public:
    /// `window_bits`: 8 to 15; no distance reaches further back than 2^window_bits bytes. `level`: zlib's, 1 (fast) to 9.
    explicit deflater(int window_bits = deflate_window_bits, int level = 3);
    deflater(const deflater&) = delete;
    deflater& operator=(const deflater&) = delete;
    ~deflater();

    /// The payload of a frame with RSV1: sync-flushed, its 00 00 FF FF removed (RFC 7692 section 7.2.1).
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

    /// Starts a message. `window`: what its sender keeps of the messages before it, the last 32 KiB at most; it is copied.
    void begin(std::string_view window = {});
    /// Inflates the next bytes of the message and appends them to `out`; `final`: the message ends with them.
    /// none: it is in order; message_too_big as soon as `out` would exceed `limit` bytes; bad_deflate.
    ws_violation feed(std::string_view bytes, bool final, std::string& out, std::uint64_t limit);

private:
    ws_violation run(std::string_view bytes, std::string& out, std::uint64_t limit);

    struct zlib;
    std::unique_ptr<zlib> z_;
};

/// What was agreed for one connection.
struct deflate_terms {
    std::string answer;             ///< the value of the 101's Sec-WebSocket-Extensions; empty: nothing was agreed
    std::uint8_t send_bits = 0;     ///< window of what we send, 8 to 12; 0: nothing is compressed
    std::uint8_t receive_bits = 0;  ///< window that the client's messages share, 8 to 15; 0: each stands alone
};

/// Answers an offer of extensions (the values of all Sec-WebSocket-Extensions lines, joined by ", "); nothing when no
/// permessage-deflate offer can be taken. An offer with an unknown, repeated or malformed parameter is declined (RFC 7692
/// section 7.1), the next one is looked at. The answer has no parameter that was not in the offer: many clients refuse it.
std::optional<deflate_terms> negotiate_deflate(std::string_view offers);

}  // namespace wsidecar::proto
