// Any text makes one frame that is JSON, and comes back from it; what a client sends is read the same when it is written again; a
// path is found below a SockJS route in one way.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/http/path.hpp"
#include "proto/json/json_cursor.hpp"
#include "proto/sockjs/sockjs.hpp"
#include "proto/text/utf8.hpp"
#include "sidecar/core/router.hpp"

namespace {

namespace sockjs = wsidecar::proto::sockjs;

void expect(bool holds) {
    if (!holds) {
        __builtin_trap();
    }
}

void expect_plain(std::string_view frame) {
    expect(wsidecar::proto::valid_utf8(frame));
    for (const char c : frame) {
        const auto byte = static_cast<unsigned char>(c);
        expect(byte >= 0x20 && byte < 0xF0);  // nothing beyond U+FFFF, no line ends
    }
}

void expect_frame_of(std::string_view text) {
    std::string frame = "before";
    const bool made = sockjs::append_message(frame, text);
    expect(made == wsidecar::proto::valid_utf8(text));
    if (!made) {
        expect(frame == "before");
        return;
    }
    const std::string_view json = std::string_view(frame).substr(7);
    expect_plain(json);
    expect(wsidecar::proto::is_json(json));
    const auto back = sockjs::decode(json);
    expect(back && back->size() == 1 && back->front() == text);
    expect(sockjs::inner(std::string_view(frame).substr(6)) == json.substr(1, json.size() - 2));
    expect(json.size() <= 6 * text.size() + 4);
}

void expect_same_again(std::string_view payload) {
    const auto all = sockjs::decode(payload);
    if (!all) {
        return;
    }
    std::string written;
    for (const auto& m : *all) {
        expect(wsidecar::proto::valid_utf8(m) && m.size() <= payload.size());
        std::string frame;
        expect(sockjs::append_message(frame, m));
        written.append(written.empty() ? "[" : ",").append(sockjs::inner(frame));
    }
    expect(*sockjs::decode(written.empty() ? "[]" : written + "]") == *all);
}

void expect_found(std::string_view path) {
    static const wsidecar::config::config config = [] {
        wsidecar::config::config c;
        c.routes[0].path = "/s/{room}";
        c.routes[0].protocol = "sockjs";
        return c;
    }();
    static const wsidecar::core::router routes(config);
    const auto checked = wsidecar::proto::check_path(path);
    if (!checked) {
        return;
    }
    const auto match = routes(checked->path);
    if (match.route == nullptr) {
        return;
    }
    expect(match.place != sockjs::place::none && match.base <= checked->path.size() && match.variables.size() == 1);
    const auto base = routes(checked->path.substr(0, match.base));
    expect(base.place == sockjs::place::greeting && base.variables == match.variables);
    expect(match.session.empty() == (match.place < sockjs::place::websocket));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string bytes(reinterpret_cast<const char*>(data), size);
    expect_frame_of(bytes);
    expect_same_again(bytes);
    expect_found(bytes);
    expect_plain(sockjs::close_frame(static_cast<std::uint16_t>(size), bytes));
    expect(bytes.starts_with(sockjs::without_cache_buster(bytes)));
    return 0;
}
