// The app's answers, and passed requests, as their readers get them: in pieces.

#include <cstdint>
#include <string>

#include "sidecar/net/http_reader.hpp"

namespace {

template <class Reader>
void read(const char* bytes, std::size_t size, std::size_t piece) {
    Reader r({.head = 4096, .body = 4096});
    std::string pending;
    for (std::size_t at = 0; at < size && !r.done(); at += piece) {
        pending.append(bytes + at, std::min(piece, size - at));
        boost::system::error_code ec;
        pending.erase(0, r.feed(pending.data(), pending.size(), ec));
        if (ec) {
            return;
        }
    }
    if (r.body.size() > 4096) {
        __builtin_trap();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 0) {
        const auto* bytes = reinterpret_cast<const char*>(data);
        read<wsidecar::net::answer_reader>(bytes + 1, size - 1, data[0] + 1U);
        read<wsidecar::net::request_reader>(bytes + 1, size - 1, data[0] + 1U);
    }
    return 0;
}
