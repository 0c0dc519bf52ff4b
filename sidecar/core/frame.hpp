#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include "proto/ws/ws_frame.hpp"

namespace wsidecar::core {

/// An encoded WebSocket frame (header and payload) in one allocation, immutable and shared by all queues that hold it. The reference count is
/// not atomic, so a frame must not leave the event-loop thread.
class frame {
public:
    static boost::intrusive_ptr<const frame> make(proto::opcode op, std::string_view payload, bool compressed = false) {
        return make(op, payload, {}, compressed);
    }
    /// Makes a frame of a payload in two parts. Throws std::bad_alloc when memory is exhausted.
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

    /// The bytes to write to the socket.
    std::string_view bytes() const { return {reinterpret_cast<const char*>(this) + sizeof(frame), size_}; }

    /// The payload without the WebSocket header (RFC 6455 section 5.2; server frames are not masked).
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
