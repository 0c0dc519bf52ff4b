// What Redis (or what answers in its place) sends: any bytes, in pieces; a walk over every reply that came of them.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/resp.hpp"

namespace {

std::size_t walk(wsidecar::proto::reply_view r, int depth = 0) {
    std::size_t sum = r.text().size() + static_cast<std::size_t>(r.integer() != 0) + static_cast<std::size_t>(r.is_error());
    for (std::size_t i = 0; i < r.size() && depth < 10; ++i) {
        sum += walk(r[i], depth + 1);
    }
    return sum + static_cast<std::size_t>(r[r.size()].is_null() ? 0 : 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    wsidecar::proto::reply_reader reader(1 << 16);
    for (std::size_t at = 0; at < bytes.size(); at += 7) {
        reader.feed(bytes.substr(at, 7));
        for (;;) {
            const auto next = reader.next();
            if (!next) {
                return 0;
            }
            if (!*next) {
                break;
            }
            walk((*next)->view());
        }
    }
    return 0;
}
