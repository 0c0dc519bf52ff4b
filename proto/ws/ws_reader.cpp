#include "proto/ws/ws_reader.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "proto/text/utf8.hpp"
#include "proto/ws/deflate.hpp"
#include "proto/ws/ws_header.hpp"

namespace wsidecar::proto {

namespace {

constexpr std::uint16_t no_code = 1005;

/// RFC 6455 section 7.4 and the registry: 1012 to 1014 were added later, 5000 and above are nobody's.
bool valid_close_code(std::uint16_t c) {
    return (c >= 1000 && c <= 1003) || (c >= 1007 && c <= 1014) || (c >= 3000 && c <= 4999);
}

/// Deflate can grow a message by the headers of its stored blocks. More than this is no honest sender.
std::uint64_t compressed_limit(std::uint64_t limit) {
    return limit + limit / 16 + 64;
}

std::span<char> take(std::span<char>& in, std::size_t n) {
    const auto front = in.first(n);
    in = in.subspan(n);
    return front;
}

std::string_view view(std::span<const char> s) {
    return {s.data(), s.size()};
}

}  // namespace

/// Everything that exists only between the first byte of a frame and the end of its message.
struct ws_reader::state {
    frame_header frame;
    std::uint64_t taken = 0;  ///< bytes of the frame's payload
    std::uint32_t fragments = 0;
    utf8_checker utf8;
    bool in_frame = false;
    bool in_message = false;
    bool text = false;
    bool compressed = false;
    bool spent = false;  ///< nothing is unfinished; a view of the last step may point in here
    std::uint8_t header_size = 0;
    std::array<char, max_masked_header> header_bytes;
    std::array<char, max_control_payload> control;
    std::string message;

    bool idle() const { return !in_frame && !in_message && header_size == 0; }
};

ws_reader::ws_reader() = default;
ws_reader::ws_reader(ws_reader&&) noexcept = default;
ws_reader& ws_reader::operator=(ws_reader&&) noexcept = default;
ws_reader::~ws_reader() = default;

bool ws_reader::at_rest() const {
    return !state_ || state_->spent;
}

std::size_t ws_reader::buffered() const {
    return (state_ ? sizeof(state) + state_->message.capacity() : 0) + window();
}

std::size_t ws_reader::window() const {
    return window_ ? window_->capacity() : 0;
}

ws_reader::state& ws_reader::held() {
    if (!state_) {
        state_ = std::make_unique<state>();
    }
    return *state_;
}

ws_step ws_reader::fail(ws_violation why) {
    over_ = true;
    state_.reset();
    ws_step s;
    s.what = ws_event::error;
    s.why = why;
    return s;
}

ws_step ws_reader::next(std::span<char>& in, const ws_limits& limits, inflater* z) {
    if (state_ && state_->spent) {
        state_.reset();
    }
    ws_step s;
    if (!over_) {
        s = run(in, limits, z);
    }
    if (over_) {
        in = {};
        window_.reset();
        if (state_) {
            std::string().swap(state_->message);
        }
    }
    if (state_ && (over_ || state_->idle())) {
        state_->spent = true;
        if (s.what == ws_event::need_more) {
            state_.reset();
        }
    }
    return s;
}

ws_step ws_reader::run(std::span<char>& in, const ws_limits& limits, inflater* z) {
    for (;;) {
        if (!state_ || !state_->in_frame) {
            frame_header h;
            ws_violation why = ws_violation::none;
            if (!read_header(in, h, why)) {
                return why != ws_violation::none ? fail(why) : ws_step{};
            }
            if (const ws_step s = admit(h, limits, limits.deflate && z != nullptr); s.what == ws_event::error) {
                return s;
            }
            const bool lone = h.is_control() || (h.fin && h.starts_message());
            if (lone && h.length <= in.size()) {
                return whole_frame(in, h, limits, z);
            }
            state& st = held();
            st.frame = h;
            st.taken = 0;
            st.in_frame = true;
            if (!h.is_control()) {
                ++st.fragments;
                if (h.starts_message()) {
                    st.in_message = true;
                    st.text = h.op == opcode::text;
                    st.compressed = h.rsv1;
                }
            }
        }
        const ws_step s = frame_part(in, limits, z);
        if (s.what != ws_event::need_more || in.empty()) {
            return s;
        }
    }
}

/// True: the header is complete and taken from `in`. False: its bytes were kept, or `why` tells what is wrong.
bool ws_reader::read_header(std::span<char>& in, frame_header& h, ws_violation& why) {
    const char* p = in.data();
    header_look l = look_at_header(p, in.size());
    const bool at_once = (!state_ || state_->header_size == 0) && (l.size <= in.size());
    if (at_once) {
        in = in.subspan(l.size);
    } else {
        if (in.empty()) {
            return false;
        }
        state& st = held();
        p = st.header_bytes.data();
        for (l = look_at_header(p, st.header_size); l.why == ws_violation::none && st.header_size < l.size && !in.empty();
             l = look_at_header(p, st.header_size)) {
            const auto part = take(in, std::min(l.size - st.header_size, in.size()));
            std::copy(part.begin(), part.end(), st.header_bytes.begin() + st.header_size);
            st.header_size = static_cast<std::uint8_t>(st.header_size + part.size());
        }
        if (l.why == ws_violation::none && st.header_size < l.size) {
            return false;
        }
        st.header_size = 0;
    }
    why = l.why;
    if (why != ws_violation::none) {
        return false;
    }
    why = decode_header(p, l.size, h);
    return why == ws_violation::none;
}

/// Whether a frame with this header may come now. An error, or nothing.
ws_step ws_reader::admit(const frame_header& h, const ws_limits& limits, bool may_inflate) {
    const bool in_message = state_ && state_->in_message;
    if (h.rsv1 && !(h.starts_message() && may_inflate)) {
        return fail(ws_violation::reserved_bits);
    }
    if (h.is_control()) {
        return {};
    }
    if (h.starts_message() && in_message) {
        return fail(ws_violation::interleaved_message);
    }
    if (!h.starts_message() && !in_message) {
        return fail(ws_violation::unexpected_continuation);
    }
    if (in_message && state_->fragments >= limits.fragments) {
        return fail(ws_violation::too_many_fragments);
    }
    const bool compressed = in_message ? state_->compressed : h.rsv1;
    const std::uint64_t held_bytes = in_message ? state_->message.size() : 0;
    const std::uint64_t limit = compressed ? compressed_limit(limits.message) : limits.message;
    if (h.length > limit || held_bytes > limit - h.length) {
        return fail(ws_violation::message_too_big);
    }
    return {};
}

/// A control frame or a message of one frame, all of it there: delivered from where it lies.
ws_step ws_reader::whole_frame(std::span<char>& in, const frame_header& h, const ws_limits& limits, inflater* z) {
    const auto payload = take(in, static_cast<std::size_t>(h.length));
    unmask(payload.data(), payload.size(), h.key, 0);
    if (h.is_control()) {
        return on_control(h, view(payload));
    }
    ws_step s;
    s.what = ws_event::message;
    s.text = h.op == opcode::text;
    s.payload = view(payload);
    if (h.rsv1) {
        return on_inflated(s.payload, s.text, limits, *z);
    }
    if (s.text && !valid_utf8(s.payload)) {
        return fail(ws_violation::bad_utf8);
    }
    return s;
}

/// The next bytes of a frame that comes in pieces, or of a fragment.
ws_step ws_reader::frame_part(std::span<char>& in, const ws_limits& limits, inflater* z) {
    state& st = *state_;
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(in.size(), st.frame.length - st.taken));
    const auto part = take(in, n);
    unmask(part.data(), n, st.frame.key, st.taken % 4);
    const std::uint64_t before = st.taken;
    st.taken += n;
    const bool whole = st.taken == st.frame.length;
    st.in_frame = !whole;
    if (st.frame.is_control()) {
        std::copy(part.begin(), part.end(), st.control.begin() + static_cast<std::ptrdiff_t>(before));
        return whole ? on_control(st.frame, {st.control.data(), st.taken}) : ws_step{};
    }
    if (st.text && !st.compressed && !st.utf8.feed(view(part))) {
        return fail(ws_violation::bad_utf8);
    }
    st.message.append(view(part));
    return whole && st.frame.fin ? finish_message(limits, z) : ws_step{};
}

ws_step ws_reader::finish_message(const ws_limits& limits, inflater* z) {
    state& st = *state_;
    st.in_message = false;
    if (st.compressed) {
        if (z == nullptr) {
            return fail(ws_violation::reserved_bits);
        }
        const std::string compressed = std::move(st.message);
        st.message.clear();
        return on_inflated(compressed, st.text, limits, *z);
    }
    if (st.text && !st.utf8.complete()) {
        return fail(ws_violation::bad_utf8);
    }
    ws_step s;
    s.what = ws_event::message;
    s.text = st.text;
    s.payload = st.message;
    return s;
}

ws_step ws_reader::on_inflated(std::string_view compressed, bool text, const ws_limits& limits, inflater& z) {
    std::string& out = held().message;
    z.begin(window_ ? std::string_view(window_->data(), window_->size()) : std::string_view());
    if (const auto v = z.feed(compressed, true, out, limits.message); v != ws_violation::none) {
        return fail(v);
    }
    if (text && !valid_utf8(out)) {
        return fail(ws_violation::bad_utf8);
    }
    if (limits.window_bits != 0) {
        remember(out, std::size_t{1} << limits.window_bits);
    }
    ws_step s;
    s.what = ws_event::message;
    s.text = text;
    s.payload = out;
    return s;
}

/// The window moves on: `message` was the last that was compressed.
void ws_reader::remember(std::string_view message, std::size_t window) {
    message = message.substr(message.size() - std::min(message.size(), window));
    if (!window_) {
        window_ = std::make_unique<std::vector<char>>();
    }
    const std::size_t before = std::min(window_->size(), window - message.size());
    window_->erase(window_->begin(), window_->end() - static_cast<std::ptrdiff_t>(before));
    if (before + message.size() > window_->capacity()) {
        window_->reserve(std::min(window, std::max(before + message.size(), 2 * window_->capacity())));
    }
    window_->insert(window_->end(), message.begin(), message.end());
}

ws_step ws_reader::on_control(const frame_header& h, std::string_view payload) {
    ws_step s;
    s.what = h.op == opcode::ping ? ws_event::ping : ws_event::pong;
    s.payload = payload;
    if (h.op != opcode::close) {
        return s;
    }
    s.what = ws_event::close;
    s.payload = {};
    s.code = no_code;
    if (payload.size() == 1) {
        return fail(ws_violation::bad_close_body);
    }
    if (!payload.empty()) {
        s.code = static_cast<std::uint16_t>(big_endian(payload.data(), 2));
        s.reason = payload.substr(2);
        if (!valid_close_code(s.code)) {
            return fail(ws_violation::bad_close_code);
        }
        if (!valid_utf8(s.reason)) {
            return fail(ws_violation::bad_close_reason);
        }
    }
    over_ = true;
    return s;
}

}  // namespace wsidecar::proto
