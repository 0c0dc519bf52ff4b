#include "proto/resp.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace wsidecar::proto {
namespace {

/// `$5\r\n`: what follows, and how much of it.
void append_header(std::string& out, char kind, std::size_t size) {
    std::array<char, 24> text;
    text[0] = kind;
    char* end = std::to_chars(text.data() + 1, text.data() + text.size(), size).ptr;
    *end++ = '\r';
    *end++ = '\n';
    out.append(text.data(), end);
}

void append_bulk(std::string& out, std::string_view word) {
    append_header(out, '$', word.size());
    out.append(word).append("\r\n", 2);
}

}  // namespace

void append_command(std::string& out, std::initializer_list<std::string_view> words) {
    append_header(out, '*', words.size());
    for (const auto w : words) {
        append_bulk(out, w);
    }
}

void append_command(std::string& out, const std::vector<std::string>& words) {
    append_header(out, '*', words.size());
    for (const auto& w : words) {
        append_bulk(out, w);
    }
}

bool reply_view::is_null() const {
    return r_ == nullptr || r_->type == REDIS_REPLY_NIL;
}
bool reply_view::is_error() const {
    return r_ != nullptr && r_->type == REDIS_REPLY_ERROR;
}
bool reply_view::is_string() const {
    return r_ != nullptr && (r_->type == REDIS_REPLY_STRING || r_->type == REDIS_REPLY_STATUS);
}
bool reply_view::is_integer() const {
    return r_ != nullptr && r_->type == REDIS_REPLY_INTEGER;
}
bool reply_view::is_array() const {
    return r_ != nullptr && r_->type == REDIS_REPLY_ARRAY;
}

std::string_view reply_view::text() const {
    if (!is_string() && !is_error()) {
        return {};
    }
    return {r_->str, static_cast<std::size_t>(r_->len)};
}

std::int64_t reply_view::integer() const {
    return is_integer() ? r_->integer : 0;
}
std::size_t reply_view::size() const {
    return is_array() ? r_->elements : 0;
}
reply_view reply_view::operator[](std::size_t i) const {
    return reply_view(i < size() ? r_->element[i] : nullptr);
}

void reply::free_reply::operator()(redisReply* r) const {
    freeReplyObject(r);
}
void reply_reader::free_reader::operator()(redisReader* r) const {
    redisReaderFree(r);
}

reply_reader::reply_reader(std::size_t max_buffer, std::size_t skip_above)
    : reader_(redisReaderCreate()), max_buffer_(max_buffer), skip_above_(skip_above) {
    if (reader_ == nullptr) {
        throw std::bad_alloc();
    }
}

std::size_t reply_reader::oversized(std::string_view bytes) const {
    std::size_t length = 0;
    if (held_ > 0 || !bytes.starts_with('$')) {
        return 0;
    }
    const auto end = std::from_chars(bytes.data() + 1, bytes.data() + bytes.size(), length);
    const auto header = static_cast<std::size_t>(end.ptr - bytes.data()) + 2;
    return end.ec == std::errc{} && length > skip_above_ && bytes.substr(header - 2, 2) == "\r\n" ? header + length + 2 : 0;
}

void reply_reader::feed(std::string_view bytes) {
    if (const auto length = oversized(bytes); skip_ == 0 && length > 0) {
        skip_ = length;
    }
    if (skip_ > 0) {
        const std::size_t n = std::min(skip_, bytes.size());
        bytes.remove_prefix(n);
        skip_ -= n;
        if (skip_ > 0) {
            return;
        }
        constexpr std::string_view nothing = "$0\r\n\r\n";
        held_ += nothing.size();
        redisReaderFeed(reader_.get(), nothing.data(), nothing.size());
    }
    held_ += bytes.size();
    if (held_ <= max_buffer_) {
        redisReaderFeed(reader_.get(), bytes.data(), bytes.size());
    }
}

result<std::unique_ptr<reply>> reply_reader::next() {
    if (held_ > max_buffer_) {
        return problem{"too_large", "a reply of Redis is larger than this connection takes"};
    }
    void* raw = nullptr;
    if (redisReaderGetReply(reader_.get(), &raw) != REDIS_OK) {
        return problem{"protocol", "what Redis sent is no RESP2"};
    }
    if (raw == nullptr) {
        return std::unique_ptr<reply>();
    }
    held_ = reader_->len - reader_->pos;
    return std::make_unique<reply>(static_cast<redisReply*>(raw));
}

std::uint16_t key_slot(std::string_view key) {
    if (const auto open = key.find('{'); open != std::string_view::npos) {
        const auto close = key.find('}', open + 1);
        if (close != std::string_view::npos && close > open + 1) {
            key = key.substr(open + 1, close - open - 1);
        }
    }
    std::uint32_t crc = 0;  // CRC16-CCITT (XModem), as the Cluster specification says
    for (const char c : key) {
        crc ^= static_cast<std::uint32_t>(static_cast<unsigned char>(c)) << 8U;
        for (int bit = 0; bit < 8; ++bit) {
            crc = ((crc & 0x8000U) != 0 ? (crc << 1U) ^ 0x1021U : crc << 1U) & 0xFFFFU;
        }
    }
    return static_cast<std::uint16_t>(crc % 16384);
}

}  // namespace wsidecar::proto
