#include "proto/ws_reader.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "proto/deflate.hpp"
#include "proto/utf8.hpp"
#include "proto/ws_frame.hpp"

namespace wsidecar::proto {

namespace {

constexpr std::uint16_t protocol_error = 1002;
constexpr std::uint16_t no_code = 1005;
constexpr std::uint16_t bad_payload = 1007;
constexpr std::uint16_t policy = 1008;
constexpr std::uint16_t too_big = 1009;
constexpr std::size_t max_control = 125;
constexpr std::size_t max_header = 14;

/// XORs with the key, which begins at byte `phase` of it.
void unmask(char* p, std::size_t n, std::array<char, 4> key, std::size_t phase) {
    std::array<char, 8> wide;
    for (std::size_t i = 0; i < wide.size(); ++i) {
        wide[i] = key[(phase + i) % 4];
    }
    std::uint64_t mask;
    std::memcpy(&mask, wide.data(), 8);
    for (; n >= 8; p += 8, n -= 8) {
        std::uint64_t word;
        std::memcpy(&word, p, 8);
        word ^= mask;
        std::memcpy(p, &word, 8);
    }
    for (std::size_t i = 0; i < n; ++i) {
        p[i] = static_cast<char>(p[i] ^ wide[i]);
    }
}

std::uint64_t big_endian(const char* p, std::size_t n) {
    std::uint64_t v = 0;
    for (std::size_t i = 0; i < n; ++i) {
        v = v << 8U | static_cast<unsigned char>(p[i]);
    }
    return v;
}

/// RFC 6455 section 7.4 and the registry: 1012 to 1014 were added later, 5000 and above are nobody's.
bool valid_close_code(std::uint16_t c) {
    return (c >= 1000 && c <= 1003) || (c >= 1007 && c <= 1014) || (c >= 3000 && c <= 4999);
}

/// Deflate can grow a message by the headers of its stored blocks. More than this is no honest sender.
std::uint64_t compressed_limit(std::uint64_t limit) { return limit + limit / 16 + 64; }

std::span<char> take(std::span<char>& in, std::size_t n) {
    const auto front = in.first(n);
    in = in.subspan(n);
    return front;
}

std::string_view view(std::span<const char> s) { return {s.data(), s.size()}; }

}  // namespace

struct ws_reader::header {
    opcode op = opcode::continuation;
    bool fin = false;
    bool rsv1 = false;
    std::array<char, 4> key{};
    std::uint64_t length = 0;

    bool is_control() const { return (static_cast<unsigned>(op) & 8U) != 0; }
};

/// Everything that exists only between the first byte of a frame and the end of its message.
struct ws_reader::state {
    header frame;
    std::uint64_t taken = 0;  ///< bytes of the frame's payload
    bool in_frame = false;
    bool in_message = false;
    bool text = false;
    bool compressed = false;
    bool delivered = false;  ///< the last step's view points in here; nothing else is unfinished
    std::uint8_t header_size = 0;
    std::array<char, max_header> header_bytes;
    utf8_checker utf8;
    std::uint32_t fragments = 0;
    std::string message;
    std::array<char, max_control> control;

    /// Appends without ever holding more than twice what arrived, nor more than the frame announced.
    void append(std::string_view piece) {
        const auto size = message.size() + piece.size();
        if (size > message.capacity()) {
            const auto whole = message.size() + (frame.length - (taken - piece.size()));
            message.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(2 * size, whole)));
        }
        message.append(piece);
    }
};

ws_reader::ws_reader() = default;
ws_reader::ws_reader(ws_reader&&) noexcept = default;
ws_reader& ws_reader::operator=(ws_reader&&) noexcept = default;
ws_reader::~ws_reader() = default;

bool ws_reader::at_rest() const { return !state_ || state_->delivered; }

std::size_t ws_reader::buffered() const { return state_ ? sizeof(state) + state_->message.capacity() : 0; }

ws_reader::state& ws_reader::held() {
    if (!state_) {
        state_ = std::make_unique<state>();
    }
    return *state_;
}

void ws_reader::release() {
    if (state_ && state_->delivered) {
        state_.reset();
    }
}

ws_step ws_reader::fail(std::uint16_t code, const char* why) {
    over_ = true;
    ws_step s;
    s.what = ws_event::error;
    s.code = code;
    s.why = why;
    return s;
}

ws_step ws_reader::next(std::span<char>& in, const ws_limits& limits, inflater* z) {
    release();
    ws_step s;
    if (!over_) {
        s = run(in, limits, z);
    }
    if (over_) {
        in = {};
        // A close's reason may lie in the state: it goes with the next call.
        if (state_) {
            state_->delivered = true;
        }
    }
    return s;
}

ws_step ws_reader::run(std::span<char>& in, const ws_limits& limits, inflater* z) {
    for (;;) {
        if (!state_ || !state_->in_frame) {
            header h;
            const char* why = nullptr;
            const bool whole = read_header(in, h, why);
            if (why != nullptr) {
                return fail(protocol_error, why);
            }
            if (!whole) {
                return {};
            }
            std::uint16_t code = protocol_error;
            if (const char* wrong = begin_frame(h, limits, code)) {
                return fail(code, wrong);
            }
            const bool lone = h.is_control() || (h.fin && h.op != opcode::continuation);
            if (lone && h.length <= in.size()) {
                return whole_frame(in, h, limits, z);
            }
            state& st = held();
            st.frame = h;
            st.taken = 0;
            st.in_frame = true;
            if (h.op == opcode::text || h.op == opcode::binary) {
                st.in_message = true;
                st.text = h.op == opcode::text;
                st.compressed = h.rsv1;
            }
            st.fragments += h.is_control() ? 0 : 1;
        }
        if (ws_step s = frame_part(in, limits, z); s.what != ws_event::need_more || in.empty()) {
            return s;
        }
    }
}

/// Looks at what there is of a header: how long it will be, and what is wrong with it.
namespace {

struct header_look {
    std::size_t size;  ///< of the whole header, as far as it can be told
    const char* why;
};

header_look look(const char* p, std::size_t n) {
    if (n < 2) {
        return {2, nullptr};
    }
    const auto b0 = static_cast<unsigned char>(p[0]);
    const auto b1 = static_cast<unsigned char>(p[1]);
    const unsigned op = b0 & 0x0FU;
    const unsigned length = b1 & 0x7FU;
    if ((b0 & 0x30U) != 0) {
        return {2, "reserved_bits"};
    }
    if ((op > 2 && op < 8) || op > 10) {
        return {2, "bad_opcode"};
    }
    if ((b1 & 0x80U) == 0) {
        return {2, "not_masked"};
    }
    if (op >= 8 && (b0 & 0x80U) == 0) {
        return {2, "fragmented_control"};
    }
    if (op >= 8 && length > max_control) {
        return {2, "long_control"};
    }
    return {length < 126 ? 6U : length == 126 ? 8U : 14U, nullptr};
}

}  // namespace

bool ws_reader::read_header(std::span<char>& in, header& h, const char*& why) {
    const bool begun = state_ && state_->header_size > 0;
    const char* p = in.data();
    std::size_t n = in.size();
    header_look l{};
    if (begun || look(p, n).size > n) {
        // Its bytes came in pieces: they are put together first.
        if (in.empty()) {
            return false;
        }
        state& st = held();
        l = look(st.header_bytes.data(), st.header_size);
        while (l.why == nullptr && st.header_size < l.size && !in.empty()) {
            const auto part = take(in, std::min(l.size - st.header_size, in.size()));
            std::copy(part.begin(), part.end(), st.header_bytes.begin() + st.header_size);
            st.header_size = static_cast<std::uint8_t>(st.header_size + part.size());
            l = look(st.header_bytes.data(), st.header_size);
        }
        p = st.header_bytes.data();
        n = st.header_size;
    } else {
        l = look(p, n);
        take(in, std::min(l.size, n));
    }
    if (l.why != nullptr) {
        why = l.why;
        return false;
    }
    if (n < l.size) {
        return false;
    }
    h.op = static_cast<opcode>(p[0] & 0x0F);
    h.fin = (p[0] & 0x80) != 0;
    h.rsv1 = (p[0] & 0x40) != 0;
    h.length = l.size == 6 ? static_cast<unsigned>(p[1] & 0x7F) : big_endian(p + 2, l.size - 6);
    std::copy_n(p + l.size - 4, 4, h.key.begin());
    if (h.length >> 63U != 0) {
        why = "bad_length";
    } else if (l.size > 6 && h.length <= (l.size == 8 ? max_control : 0xFFFFU)) {
        why = "non_minimal_length";
    }
    if (begun || p != in.data() - l.size) {
        state& st = *state_;
        st.header_size = 0;
        if (!st.in_message && !st.in_frame) {
            st.delivered = false;
        }
    }
    return why == nullptr;
}

}  // namespace wsidecar::proto
