#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proto/result.hpp"

namespace wsidecar::proto {

/// permessage-deflate (RFC 7692) without context takeover in either direction: every message stands alone, so one object
/// of each class serves all connections of a thread.

/// LZ77 window of what we send: 4 KiB. Clients that ask for at least this (server_max_window_bits) are served, and for
/// messages of the usual size it costs nothing.
inline constexpr int deflate_window_bits = 12;

class deflater {
public:
    /// `level`: zlib's, 1 (fast) to 9.
    explicit deflater(int level = 3);
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

    /// Starts a message.
    void begin();
    /// Inflates the next bytes of the message and appends them to `out`; `final`: the message ends with them.
    /// Problems: message_too_big as soon as `out` would exceed `limit` bytes; bad_deflate.
    result<void> feed(std::string_view bytes, bool final, std::string& out, std::uint64_t limit);

private:
    result<void> run(std::string_view bytes, std::string& out, std::uint64_t limit);

    struct zlib;
    std::unique_ptr<zlib> z_;
};

/// Answers an offer of extensions (the values of all Sec-WebSocket-Extensions lines, joined by ", "): the value for the
/// 101's header, or nothing when no permessage-deflate offer can be taken. An offer with an unknown, repeated or malformed
/// parameter is declined (RFC 7692 section 7.1), the next one is looked at.
std::optional<std::string> negotiate_deflate(std::string_view offers);

}  // namespace wsidecar::proto
