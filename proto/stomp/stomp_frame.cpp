#include "proto/stomp/stomp_frame.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <forward_list>
#include <functional>

#include "proto/text/ascii.hpp"
#include "proto/text/utf8.hpp"

namespace wsidecar::proto::stomp {

namespace {

constexpr std::array<std::string_view, 11> commands = {"CONNECT", "STOMP", "SEND",   "SUBSCRIBE", "UNSUBSCRIBE", "ACK",
                                                       "NACK",    "BEGIN", "COMMIT", "ABORT",     "DISCONNECT"};
constexpr auto npos = std::string_view::npos;

std::string size_text(std::size_t bytes) {
    return bytes % 1024 == 0 ? std::to_string(bytes / 1024) + " KiB" : std::to_string(bytes) + " bytes";
}

/// What an escape stands for in this version; 0: nothing.
char escaped(char c, version v) {
    switch (c) {
        case '\\': return '\\';
        case 'c': return ':';
        case 'n': return '\n';
        case 'r': return v == version::v1_2 ? '\r' : '\0';
        default: return '\0';
    }
}

}  // namespace

std::string_view command_name(command c) {
    return commands[static_cast<std::size_t>(c)];
}

std::optional<std::string_view> frame::find(std::string_view name) const {
    for (const auto& h : headers) {
        if (h.name == name) {
            return h.value;
        }
    }
    return std::nullopt;
}

/// Everything that exists only from the first byte of a frame until the one after it is asked for.
struct reader::state {
    enum class stage : std::uint8_t { command, headers, body, given };
    enum class outcome : std::uint8_t { going_on, need_more, whole, failed };

    stage where = stage::command;
    std::size_t at = 0;       ///< bytes of the frame that are read
    std::size_t scanned = 0;  ///< bytes after them that neither end the line nor the body
    std::optional<std::size_t> content_length;
    frame current;
    std::forward_list<std::string> unescaped;  ///< what headers with escapes became
    frame_error why;
    std::vector<char> buffer;  ///< the bytes of a frame that came in pieces

    outcome step(std::string_view bytes, const limits& l, version v);
    void begin();
    void move_to(std::vector<char> fresh, std::string_view from);
    outcome fail(const char* reason, std::string text);

private:
    outcome too_big(const limits& l) { return fail("frame_too_big", "a frame larger than " + size_text(l.frame)); }
    outcome read_line(std::string_view bytes, const limits& l, version v);
    outcome read_command(std::string_view line);
    outcome read_header(std::string_view line, const limits& l, version v);
    outcome end_headers(const limits& l);
    outcome read_body(std::string_view bytes);
    bool unescape(std::string_view& text, version v);
};

void reader::state::begin() {
    where = stage::command;
    at = 0;
    scanned = 0;
    content_length.reset();
    current.headers.clear();
    current.body = {};
    unescaped.clear();
}

reader::state::outcome reader::state::fail(const char* reason, std::string text) {
    const auto receipt = current.find("receipt");
    why = {reason, std::move(text), std::string(receipt.value_or(""))};
    return outcome::failed;
}

/// `bytes`: from the frame's first byte on. What lies beyond the limit is not looked at, so that it makes no difference whether
/// it is there already.
reader::state::outcome reader::state::step(std::string_view bytes, const limits& l, version v) {
    bytes = bytes.substr(0, l.frame);
    const auto found = where == stage::body ? read_body(bytes) : read_line(bytes, l, v);
    return found == outcome::need_more && bytes.size() == l.frame ? too_big(l) : found;
}

reader::state::outcome reader::state::read_line(std::string_view bytes, const limits& l, version v) {
    const auto window = bytes.substr(at, l.header_bytes + 2);  // its EOL included
    const auto end = window.find('\n', scanned);
    if (window.substr(0, end).find('\0', scanned) != npos) {
        return fail("nul_in_header", "a NUL before the empty line that ends the headers");
    }
    auto line = window.substr(0, end);
    if (end != npos && line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    if (end == npos ? window.size() == l.header_bytes + 2 : line.size() > l.header_bytes) {
        return fail("header_too_long", "a header line longer than " + size_text(l.header_bytes));
    }
    if (end == npos) {
        scanned = window.size();
        return outcome::need_more;
    }
    if (line.find('\r') != npos) {
        return fail("bad_line_end", "a CR without LF");
    }
    at += end + 1;
    scanned = 0;
    if (where == stage::command) {
        return read_command(line);
    }
    return line.empty() ? end_headers(l) : read_header(line, l, v);
}

reader::state::outcome reader::state::read_command(std::string_view line) {
    const auto* const found = std::find(commands.begin(), commands.end(), line);
    if (found == commands.end()) {
        const bool plain = line.size() <= 32 && std::all_of(line.begin(), line.end(), [](char c) { return is_token_char(c); });
        return fail("unknown_command", plain ? "unknown command " + std::string(line) : "unknown command");
    }
    current.verb = static_cast<command>(found - commands.begin());
    where = stage::headers;
    return outcome::going_on;
}

reader::state::outcome reader::state::read_header(std::string_view line, const limits& l, version v) {
    if (current.headers.size() == l.headers) {
        return fail("too_many_headers", "more than " + std::to_string(l.headers) + " headers");
    }
    if (!valid_utf8(line)) {
        return fail("bad_utf8", "a header that is no UTF-8");
    }
    const auto colon = line.find(':');
    if (colon == npos) {
        return fail("no_colon", "a header without colon");
    }
    if (colon == 0) {
        return fail("empty_header_name", "a header without name");
    }
    header h{line.substr(0, colon), line.substr(colon + 1)};
    const bool escapes = v != version::v1_0 && current.verb != command::connect && current.verb != command::stomp;
    if (escapes && (!unescape(h.name, v) || !unescape(h.value, v))) {
        return outcome::failed;
    }
    if (current.headers.empty()) {
        current.headers.reserve(8);
    }
    current.headers.push_back(h);
    return outcome::going_on;
}

/// False: it failed. Texts with an escape, which are rare, become a string of their own.
bool reader::state::unescape(std::string_view& text, version v) {
    auto escape = text.find('\\');
    if (escape == npos) {
        return true;
    }
    std::string out;
    std::size_t from = 0;
    for (; escape != npos; escape = text.find('\\', from)) {
        const char c = escape + 1 < text.size() ? text[escape + 1] : '\0';
        const char meant = escaped(c, v);
        if (meant == '\0') {
            const bool printable = c > 0x20 && c < 0x7F;
            fail("bad_escape", printable ? std::string("bad escape \\") + c + " in a header" : "bad escape in a header");
            return false;
        }
        out += text.substr(from, escape - from);
        out += meant;
        from = escape + 2;
    }
    out += text.substr(from);
    text = unescaped.emplace_front(std::move(out));
    return true;
}

reader::state::outcome reader::state::end_headers(const limits& l) {
    where = stage::body;
    const auto digits = current.find("content-length");
    if (!digits) {
        return outcome::going_on;
    }
    std::size_t n = 0;
    constexpr std::size_t java_int = 0x7FFFFFFF;
    const bool plus = digits->size() > 1 && digits->front() == '+';  // Java reads it
    const auto [end, ec] = std::from_chars(digits->data() + (plus ? 1 : 0), digits->data() + digits->size(), n);
    if (ec != std::errc() || end != digits->data() + digits->size() || n > java_int) {
        return outcome::going_on;  // as in Spring: what is no int of Java's counts for nothing, and the first NUL ends the body
    }
    if (n >= l.frame - at) {  // its NUL has to fit in, too
        return too_big(l);
    }
    content_length = n;
    return outcome::going_on;
}

reader::state::outcome reader::state::read_body(std::string_view bytes) {
    const auto body = bytes.substr(at);
    if (current.verb != command::send && (content_length.value_or(0) > 0 || (!body.empty() && body[0] != '\0'))) {
        return fail("unexpected_body", "a body in " + std::string(command_name(current.verb)) + ", only SEND may have one");
    }
    const auto end = content_length ? *content_length : body.find('\0', scanned);
    if (end == npos || end >= body.size()) {
        scanned = body.size();
        return outcome::need_more;
    }
    if (body[end] != '\0') {
        return fail("no_nul", "content-length " + std::to_string(end) + " but no NUL after the body");
    }
    current.body = body.substr(0, end);
    at += end + 1;
    where = stage::given;
    return outcome::whole;
}

/// The frame's bytes lie in `from` and go on in `fresh`, which begins with a copy of them. `from` is still there.
void reader::state::move_to(std::vector<char> fresh, std::string_view from) {
    const std::less<const char*> before;
    const auto move = [&](std::string_view& text) {
        if (!before(text.data(), from.data()) && before(text.data(), from.data() + from.size())) {
            text = {fresh.data() + (text.data() - from.data()), text.size()};
        }
    };
    for (auto& h : current.headers) {
        move(h.name);
        move(h.value);
    }
    buffer.swap(fresh);
}

reader::reader(const limits& l) : limits_(l) {}
reader::reader(reader&&) noexcept = default;
reader& reader::operator=(reader&&) noexcept = default;
reader::~reader() = default;

reader::state& reader::held() {
    if (!state_) {
        state_ = std::make_unique<state>();
    }
    return *state_;
}

void reader::feed(std::string_view bytes) {
    if (over_ || bytes.empty()) {
        return;
    }
    if (in_.empty()) {
        in_ = bytes;
        return;
    }
    keep_rest();
    auto& s = held();
    const auto size = in_.size() + bytes.size();
    if (size > s.buffer.capacity()) {
        std::vector<char> larger;
        larger.reserve(std::max(size, std::min(2 * in_.size(), limits_.frame)));
        larger.assign(in_.begin(), in_.end());
        s.move_to(std::move(larger), in_);
    }
    s.buffer.insert(s.buffer.end(), bytes.begin(), bytes.end());
    in_ = {s.buffer.data(), s.buffer.size()};
}

/// What is not taken yet is at the front of the buffer.
void reader::keep_rest() {
    auto& s = held();
    if (in_.data() == s.buffer.data()) {
        return;
    }
    if (s.where == state::stage::given) {
        s.begin();
    }
    s.move_to(std::vector<char>(in_.begin(), in_.end()), in_);
    in_ = {s.buffer.data(), s.buffer.size()};
}

event reader::next() {
    if (state_ && state_->where == state::stage::given) {
        state_->begin();
    }
    const bool between = !state_ || (state_->where == state::stage::command && state_->scanned == 0);
    if (!over_ && between && skip_line_ends()) {
        return event::heart_beat;
    }
    if (over_ || in_.empty()) {
        in_ = {};
        state_.reset();
        return event::need_more;
    }
    return go_on();
}

/// Whether there was any. A CR whose LF is still to come stays.
bool reader::skip_line_ends() {
    const auto before = in_.size();
    while (in_.starts_with('\n') || in_.starts_with("\r\n")) {
        in_.remove_prefix(in_[0] == '\n' ? 1 : 2);
    }
    return in_.size() != before;
}

event reader::go_on() {
    using outcome = state::outcome;
    auto& s = held();
    auto found = in_.starts_with('\r') && in_.size() > 1 ? s.fail("bad_line_end", "a CR without LF") : outcome::going_on;
    while (found == outcome::going_on) {
        found = in_ == "\r" ? outcome::need_more : s.step(in_, limits_, version_);
    }
    switch (found) {
        case outcome::whole: in_.remove_prefix(s.at); return event::frame;
        case outcome::failed:
            in_ = {};
            over_ = true;
            return event::error;
        default: keep_rest(); return event::need_more;
    }
}

const frame& reader::current() const {
    return state_->current;
}

const frame_error& reader::error() const {
    return state_->why;
}

bool reader::at_rest() const {
    return in_.empty();
}

std::size_t reader::buffered() const {
    if (!state_) {
        return 0;
    }
    const auto& s = *state_;
    std::size_t sum = sizeof(state) + s.buffer.capacity() + s.current.headers.capacity() * sizeof(header);
    for (const auto& text : s.unescaped) {
        sum += sizeof(std::string) + text.capacity();
    }
    return sum;
}

}  // namespace wsidecar::proto::stomp
