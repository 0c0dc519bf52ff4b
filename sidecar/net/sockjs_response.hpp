#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace wsidecar::net {

/// Builds the bytes of a response with SockJS frames (`o`, `h`, `a[...]`, `c[...]`) for the transports over HTTP. It has no socket.
class sockjs_response {
public:
    /// The form of frames in the body.
    enum class form : std::uint8_t {
        polling,    ///< xhr: the response ends after one frame
        streaming,  ///< xhr_streaming: one frame per line
        events,     ///< eventsource: each frame is an event
    };
    /// With `http_11`, a streaming response is chunked; in HTTP/1.0, the end of the connection ends it.
    sockjs_response(form f, bool http_11) : form_(f), http_11_(http_11) {}

    bool polling() const { return form_ == form::polling; }
    /// Whether the response is full, so that the client must send the next request.
    bool full() const { return polling() ? put_ > 0 : put_ >= stream_limit; }
    bool empty() const { return put_ == 0; }
    /// Sets complete header lines (CORS and the app's). Call this before the first frame.
    void lines(std::string all) { lines_ = std::move(all); }

    /// Appends a frame to `out`, with the head before the first of a response that streams. Such a response of HTTP/1.0 takes `keep_alive` back.
    void put(std::string& out, std::string_view frame, bool& keep_alive);
    /// What was put is about to be written. `last`: the response ends with it.
    void end_part(std::string& out, bool last, bool keep_alive) const;

    static constexpr std::string_view no_store =
        "Cache-Control: no-store, no-cache, no-transform, must-revalidate, max-age=0\r\n";

private:
    /// The limit of one streaming response, because proxies and browsers keep it in memory.
    static constexpr std::size_t stream_limit = 128UL * 1024;

    std::string head(std::string_view framing, bool keep_alive) const;
    void put_part(std::string& out, std::string_view before, std::string_view frame, std::string_view behind) const;

    std::string lines_;
    std::size_t put_ = 0;  ///< bytes of frames
    form form_;
    bool http_11_;
    bool began_ = false;  ///< the head of a response that streams is out, or about to be
};

}  // namespace wsidecar::net
