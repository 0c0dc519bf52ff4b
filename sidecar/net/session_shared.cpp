#include "sidecar/net/session_shared.hpp"

#include "proto/http/event_stream.hpp"
#include "proto/sockjs/sockjs.hpp"
#include "proto/text/utf8.hpp"
#include "sidecar/net/session_tags.hpp"

namespace wsidecar::net {
namespace {

constexpr std::size_t scratch_size = 64 * 1024;
/// Below it compressing costs more than it saves.
constexpr std::size_t worth_deflating = 128;

}  // namespace

session_shared::session_shared(boost::asio::io_context& l, core::gateway& g, core::metrics& m, timers& c,
                               const config::config& conf)
    : loop(l),
      gateway(g),
      metrics(m),
      clock(c),
      config(&conf),
      flush(l),
      sockets(l),
      scratch(scratch_size),
      ping(core::frame::make(proto::opcode::ping, {})),
      sockjs_heartbeat(core::frame::make(proto::opcode::text, proto::sockjs::heartbeat_frame)),
      delivered_answer(m.delivered.at({"answer"})),
      delivered_channel(m.delivered.at({"channel"})),
      delivered_history(m.delivered.at({"history"})),
      queued_bytes(m.queued_bytes.value()),
      window_bytes(m.deflate_window_bytes.value()) {}

core::frame_ptr session_shared::deflated(const core::frame_ptr& frame, std::uint8_t window_bits) {
    compression& c = compressions_[window_bits];
    if (frame == c.plain) {
        return c.compressed;
    }
    const std::string_view bytes = frame->bytes();
    const auto op = static_cast<proto::opcode>(bytes[0] & 0x0F);
    if (bytes.size() < worth_deflating || (op != proto::opcode::text && op != proto::opcode::binary)) {
        return frame;
    }
    if (!c.deflate) {
        c.deflate = std::make_unique<proto::deflater>(window_bits);
    }
    const auto length = static_cast<unsigned char>(bytes[1]);
    const std::size_t header = length < 126 ? 2 : length == 126 ? 4 : 10;
    const std::string payload = c.deflate->compress(bytes.substr(header));
    c.plain = frame;
    c.compressed = payload.size() + header < bytes.size() ? core::frame::make(op, payload, true) : frame;
    return c.compressed;
}

core::frame_ptr session_shared::sockjs_framed(const core::frame_ptr& frame) {
    if (frame == unframed_) {
        return framed_;
    }
    std::string text;
    core::frame_ptr made;
    if (proto::sockjs::append_message(text, frame->payload())) {
        made = core::frame::make(proto::opcode::text, text);
    }
    unframed_ = frame;
    framed_ = made;
    return made;
}

core::frame_ptr session_shared::event_framed(const core::frame_ptr& frame) {
    if (frame != no_event_) {
        const bool text = static_cast<proto::opcode>(frame->bytes()[0] & 0x0F) == proto::opcode::text;
        const auto event =
            text ? proto::event_stream::of_text(frame->payload()) : proto::event_stream::of_binary(frame->payload());
        no_event_ = frame;
        event_ = core::frame::make(proto::opcode::text, event);
    }
    return event_;
}

core::frame_ptr close_frame(std::uint16_t code, std::string_view reason) {
    constexpr std::size_t longest = 123;
    // 1005 and 1006 never go onto the wire (RFC 6455 section 7.4.1).
    if (code == 0 || code == 1005 || code == 1006) {
        return core::frame::make(proto::opcode::close, {});
    }
    std::string payload{static_cast<char>(code >> 8U), static_cast<char>(code & 0xFFU)};
    payload.append(proto::whole_characters(reason, longest));
    return core::frame::make(proto::opcode::close, payload);
}

}  // namespace wsidecar::net
