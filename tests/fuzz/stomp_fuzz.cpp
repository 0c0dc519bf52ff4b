// What a STOMP client sends: cut in two ways it gives the same frames, and each frame, written again, reads the same. The same
// bytes as parts of a MESSAGE: whatever they are, it is one frame, and its body comes through.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proto/stomp/stomp_frame.hpp"
#include "proto/stomp/stomp_write.hpp"
#include "proto/text/utf8.hpp"

namespace {

using namespace wsidecar::proto::stomp;
using wsidecar::proto::valid_utf8;

void expect(bool holds) {
    if (!holds) {
        __builtin_trap();
    }
}

std::string text_of(const frame& f) {
    std::string out(command_name(f.verb));
    for (const auto& h : f.headers) {
        out.append("|").append(h.name).append("=").append(h.value);
    }
    return out.append("|").append(f.body);
}

std::string write(const frame& f, version v) {
    const bool raw = f.verb == command::connect || f.verb == command::stomp;
    std::string out(command_name(f.verb));
    out += '\n';
    for (const auto& h : f.headers) {
        append_escaped(out, raw ? version::v1_0 : v, h.name);
        out += ':';
        append_escaped(out, raw ? version::v1_0 : v, h.value);
        out += '\n';
    }
    return out.append("\n").append(f.body) + '\0';
}

void expect_reads_back(const frame& f, version v) {
    reader again({1 << 24, 1 << 16, 1 << 24});
    again.set_version(v);
    const auto bytes = write(f, v);
    again.feed(bytes);
    expect(again.next() == event::frame);
    expect(text_of(again.current()) == text_of(f));
    expect(again.next() == event::need_more && again.buffered() == 0);
}

/// All that comes of the bytes. Each piece is in memory of its own, so that a view kept too long is seen.
std::string read(const std::string& bytes, std::size_t piece, const limits& l, version v) {
    reader r(l);
    r.set_version(v);
    std::string seen;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        const std::vector<char> part(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                                     bytes.begin() + static_cast<std::ptrdiff_t>(std::min(at + piece, bytes.size())));
        r.feed({part.data(), part.size()});
        for (event e = r.next(); e != event::need_more; e = r.next()) {
            if (e == event::frame) {
                seen += text_of(r.current()) + "\n";
                expect(r.current().headers.size() <= l.headers && r.current().body.size() < l.frame);
                expect_reads_back(r.current(), v);
            } else if (e == event::error) {
                seen += r.error().reason + r.error().text + r.error().receipt;
            }
        }
        // A header's views, and what an unescaped one needs beside its bytes, are of a few words each.
        expect(r.buffered() <= 512 + std::max<std::size_t>(16, 2 * l.headers) * 128 + 2 * (l.frame + piece));
        expect(!r.at_rest() || r.buffered() == 0);
    }
    return seen;
}

/// The parts of the bytes between 0xFE, which is in no UTF-8.
std::vector<std::string> parts_of(const std::string& bytes) {
    std::vector<std::string> parts(1);
    for (const char c : bytes) {
        if (c == '\xFE') {
            parts.emplace_back();
        } else {
            parts.back() += c;
        }
    }
    parts.resize(std::max<std::size_t>(parts.size(), 8));
    return parts;
}

void expect_one_message(const std::vector<std::string>& part, version v) {
    const std::vector<std::pair<std::string, std::string>> headers = {{part[5], part[6]}};
    const auto bytes = message_head(v, part[1], part[2], part[3]) + message_tail(v, part[4], part[7], headers, part[0]);
    reader r({1 << 24, 7, 1 << 24});
    r.set_version(v);
    const auto as_client = "SEND" + bytes.substr(bytes.find('\n'));
    r.feed(as_client);
    const auto e = r.next();
    if (!std::all_of(part.begin() + 1, part.begin() + 8, [](const auto& p) { return valid_utf8(p); })) {
        return;
    }
    expect(e == event::frame && r.current().body == part[0]);
    const auto destination = r.current().find("destination");
    expect(destination && destination->size() == part[4].size());
    expect(v != version::v1_2 || part[4].find('\0') != std::string::npos || *destination == part[4]);
    expect(r.next() == event::need_more && r.at_rest());
}

}  // namespace

/// The first byte says the version, whether limits are small, and how the bytes are cut.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto v = static_cast<version>(data[0] % 3);
    const bool small = (data[0] / 3) % 2 == 1;
    const limits l = small ? limits{96, 4, 24} : limits{4096, 100, 512};
    expect(read(bytes, bytes.size() + 1, l, v) == read(bytes, 1 + data[0] / 6, l, v));
    expect_one_message(parts_of(bytes), v);
    return 0;
}
