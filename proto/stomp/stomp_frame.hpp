#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/stomp/stomp_version.hpp"

namespace wsidecar::proto::stomp {

/// What a client may send.
enum class command : std::uint8_t { connect, stomp, send, subscribe, unsubscribe, ack, nack, begin, commit, abort, disconnect };

/// As it stands on the wire: "CONNECT".
std::string_view command_name(command c);

/// Valid UTF-8, without NUL, unescaped; a decoded one may have LF, CR or a colon in it. Never trimmed, in no version.
struct header {
    std::string_view name;
    std::string_view value;
};

/// A client's frame, as views: see reader.
struct frame {
    command verb = command::connect;
    std::vector<header> headers;  ///< all, in order, repeated ones too
    std::string_view body;        ///< any bytes; only SEND has one

    /// The value of the first header with this name ("Repeated Header Entries"); names are compared byte by byte.
    std::optional<std::string_view> find(std::string_view name) const;
};

struct limits {
    std::size_t frame = std::size_t{64} * 1024;        ///< bytes from the command to the NUL, both included
    std::size_t headers = 100;                         ///< header lines of a frame
    std::size_t header_bytes = std::size_t{8} * 1024;  ///< of one line, its EOL not counted
};

enum class event : std::uint8_t { need_more, heart_beat, frame, error };

/// Why the bytes are no STOMP. After it the connection ends with an ERROR (1.2: "ERROR", close 1002 as Spring does).
struct frame_error {
    const char* reason = "";  ///< static snake_case word, for counters; see reader
    std::string text;         ///< one line of printable ASCII for ERROR's `message`, e.g. "a frame larger than 64 KiB"
    std::string receipt;  ///< the frame's `receipt`, when that was read before the error: for ERROR's `receipt-id`; else empty
};

/// Bytes of a client in, frames out, however they are cut: several frames in one WebSocket message, one frame in several.
/// Split anyhow, the same bytes give the same frames and the same error.
///
/// A frame that lies whole in the bytes of one feed() is not copied: the views of current() point into them. What is unfinished
/// is kept in a buffer of at most limits.frame and what one feed() brought; at rest nothing is held on the heap.
///
/// As Spring's StompDecoder reads: an EOL is LF or CRLF in every version, and a CR anywhere else an error; what follows a header's
/// first colon is its value, colons included; a body of anything but SEND is an error; a content-length that is no int of
/// Java's counts for nothing. Stricter than it: NUL or bad UTF-8 in a header are errors (Spring waits for more on a NUL).
/// Unescaped are (1.2 "Value Encoding") \\ \c \n \r in 1.2, \\ \c \n in 1.1, nothing in 1.0, and nothing in CONNECT and STOMP;
/// any other escape is an error. Spring unescapes as in 1.2, whatever was negotiated.
///
/// Reasons: unknown_command, bad_line_end (a CR by itself), no_colon, empty_header_name, bad_escape, bad_utf8, nul_in_header,
/// no_nul (where content-length says that the body ends), unexpected_body, frame_too_big, header_too_long, too_many_headers.
class reader {
public:
    explicit reader(const limits& l = {});
    reader(reader&&) noexcept;
    reader& operator=(reader&&) noexcept;
    ~reader();

    /// For the frames that next() gives from now on; before the first call 1.2. To be set before next() is called again after a
    /// CONNECT, so that frames sent along with it are read rightly.
    void set_version(version v) { version_ = v; }

    /// The next bytes. They stay where they are until next() says need_more or error (or until the next feed(), which copies
    /// what is left of them).
    void feed(std::string_view bytes);

    /// heart_beat: one or more EOLs between frames, those that clients write after a frame's NUL too. frame: see current().
    /// error: see error(), once; everything after it is swallowed with need_more.
    event next();

    /// After `frame`, until the next call of next() or feed().
    const frame& current() const;
    /// After `error`.
    const frame_error& error() const;

    /// No frame is unfinished.
    bool at_rest() const;
    /// Heap memory held, in bytes; 0 at rest after need_more.
    std::size_t buffered() const;

private:
    struct state;

    bool skip_line_ends();
    event go_on();
    void keep_rest();
    state& held();

    limits limits_;
    std::string_view in_;           ///< from the frame in the making on: the caller's bytes, or the end of the buffer
    std::unique_ptr<state> state_;  ///< null at rest
    version version_ = version::v1_2;
    bool over_ = false;
};

}  // namespace wsidecar::proto::stomp
