#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proto/text/result.hpp"

struct redisReader;
struct redisReply;

namespace wsidecar::proto {

/// Appends one command in RESP, an array of bulk strings. Arguments may contain any bytes.
void append_command(std::string& out, std::initializer_list<std::string_view> words);
void append_command(std::string& out, const std::vector<std::string>& words);

/// A read-only reply of Redis (RESP2). Views are valid as long as the reply exists. The functions of a null reply return empty values.
class reply_view {
public:
    explicit reply_view(const redisReply* r = nullptr) : r_(r) {}

    bool is_null() const;  ///< no reply, or Redis' nil
    bool is_error() const;
    bool is_string() const;  ///< a bulk or status reply
    bool is_integer() const;
    bool is_array() const;

    std::string_view text() const;               ///< the text of a string, status or error; otherwise empty
    std::int64_t integer() const;                ///< the value of an integer; otherwise 0
    std::size_t size() const;                    ///< the size of an array; otherwise 0
    reply_view operator[](std::size_t i) const;  ///< an element; null beyond the end

private:
    const redisReply* r_;
};

class reply {
public:
    explicit reply(redisReply* r) : r_(r) {}
    reply_view view() const { return reply_view(r_.get()); }

private:
    struct free_reply {
        void operator()(redisReply* r) const;
    };
    std::unique_ptr<redisReply, free_reply> r_;
};

/// Reads replies from a stream of bytes with hiredis' reader. After an error the stream cannot be continued, so the connection must end.
class reply_reader {
public:
    /// `max_buffer` bounds the bytes held for one incomplete reply; beyond it, next() returns too_large. A bulk string that is a whole
    /// reply, begins a chunk and has more than `skip_above` bytes is skipped, and returned as an empty one.
    explicit reply_reader(std::size_t max_buffer = 64 * 1024 * 1024, std::size_t skip_above = 1024 * 1024);

    void feed(std::string_view bytes);
    /// Returns one whole reply, or an empty pointer if more bytes are needed. Problems: protocol, too_large.
    result<std::unique_ptr<reply>> next();

private:
    struct free_reader {
        void operator()(redisReader* r) const;
    };
    std::unique_ptr<redisReader, free_reader> reader_;
    /// The length of a bulk string that must be skipped and begins with `bytes`; 0 if there is none.
    std::size_t oversized(std::string_view bytes) const;

    std::size_t max_buffer_;
    std::size_t skip_above_;
    std::size_t skip_ = 0;  ///< bytes still to be skipped
    std::size_t held_ = 0;
};

/// The slot of a key in Redis Cluster: CRC16 of the hash tag, or of the whole key, modulo 16384.
std::uint16_t key_slot(std::string_view key);

}  // namespace wsidecar::proto
