#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include "proto/ws/ws_frame.hpp"

namespace wsidecar::core {

/// An encoded WebSocket frame (header and payload), immutable, one allocation, shared by every queue that holds
/// it. The count is not atomic: a frame never leaves the event-loop thread.
class frame {
public:
    static boost::intrusive_ptr<const frame> make(proto::opcode op, std::string_view payload, bool compressed = false) {
        return make(op, payload, {}, compressed);
    }
    /// Of a payload in two parts.
    static boost::intrusive_ptr<const frame> make(proto::opcode op, std::string_view first, std::string_view second,
                                                  bool compressed) {
        char header[proto::max_frame_header];
        const std::size_t payload = first.size() + second.size();
        const std::size_t n = proto::encode_frame_header(header, op, payload, compressed);
        void* raw = std::malloc(sizeof(frame) + n + payload);
        if (raw == nullptr) {
            throw std::bad_alloc();
        }
        auto* f = new (raw) frame(static_cast<std::uint32_t>(n + payload));
        char* to = static_cast<char*>(raw) + sizeof(frame);
        for (const auto part : {std::string_view(header, n), first, second}) {
            if (!part.empty()) {
                std::memcpy(to, part.data(), part.size());
                to += part.size();
            }
        }
        return boost::intrusive_ptr<const frame>(f, false);
    }

    /// The bytes as they go onto the wire.
    std::string_view bytes() const { return {reinterpret_cast<const char*>(this) + sizeof(frame), size_}; }

    /// Without the WebSocket header (RFC 6455 section 5.2; a server's is not masked).
    std::string_view payload() const {
        const auto all = bytes();
        const auto length = static_cast<unsigned char>(all[1]);
        return all.substr(length < 126 ? 2 : length == 126 ? 4 : 10);
    }

    friend void intrusive_ptr_add_ref(const frame* f) { ++f->count_; }
    friend void intrusive_ptr_release(const frame* f) {
        if (--f->count_ == 0) {
            std::free(const_cast<frame*>(f));
        }
    }

private:
    explicit frame(std::uint32_t size) : size_(size) {}
    mutable std::uint32_t count_ = 1;
    std::uint32_t size_;
};

using frame_ptr = boost::intrusive_ptr<const frame>;

}  // namespace wsidecar::core
