#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "proto/json/json_scan.hpp"
#include "proto/text/words.hpp"

namespace wsidecar::proto {

/// JSON that is being written piece by piece: what a std::string does, without a call for each piece. Knows no syntax.
class json_buffer {
public:
    explicit json_buffer(std::size_t expected) : room_(expected), text_(new char[expected]) {}

    std::size_t size() const { return size_; }
    /// What was written; valid until more is.
    std::string_view view() const { return {text_.get(), size_}; }
    void truncate(std::size_t size) { size_ = size; }

    void put(char c) { *more(1) = c; }
    void put(std::string_view s) { copy_bytes(s.data(), s.size(), more(s.size())); }
    [[gnu::noinline]] void put(std::int64_t n) {
        constexpr std::size_t most = 20;
        auto* const to = more(most);
        size_ -= static_cast<std::size_t>(to + most - std::to_chars(to, to + most, n).ptr);
    }

    /// What was written at a place, once more.
    void put_again(std::size_t at, std::size_t n) {
        auto* const to = more(n);
        copy_bytes(text_.get() + at, n, to);
    }

    /// UTF-8 as a JSON string.
    void quote(std::string_view utf8) {
        auto* const to = more(utf8.size() + 2);
        if (copy_json_plain(utf8, to + 1)) {
            to[0] = to[utf8.size() + 1] = '"';
            return;
        }
        size_ -= utf8.size() + 2;
        const auto most = 6 * utf8.size() + 2;
        auto* const from = more(most);
        size_ -= static_cast<std::size_t>(from + most - json_quote_to(from, utf8));
    }

private:
    /// Where the next `n` bytes are to be written.
    char* more(std::size_t n) {
        if (room_ - size_ < n) {
            grow(n);
        }
        return text_.get() + std::exchange(size_, size_ + n);
    }

    [[gnu::noinline]] void grow(std::size_t n) {
        room_ = std::max(2 * room_, size_ + n);
        std::unique_ptr<char[]> larger(new char[room_]);
        std::copy_n(text_.get(), size_, larger.get());
        text_ = std::move(larger);
    }

    std::size_t size_ = 0;
    std::size_t room_;
    std::unique_ptr<char[]> text_;
};

}  // namespace wsidecar::proto
