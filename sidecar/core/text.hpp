#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "sidecar/core/keyed_hash.hpp"

namespace wsidecar::core {

/// Bytes that every connection holds and hardly anybody reads: one pointer instead of std::string's 32 bytes, and nothing
/// else when empty. Replaced as a whole, never edited. At most 4 GiB.
class text {
public:
    text() = default;
    text(std::string_view s) {  // NOLINT: implicit as std::string's from a literal
        if (!s.empty()) {
            const auto size = static_cast<std::uint32_t>(s.size());
            bytes_ = std::make_unique_for_overwrite<char[]>(sizeof size + size);
            std::memcpy(bytes_.get(), &size, sizeof size);
            std::memcpy(bytes_.get() + sizeof size, s.data(), size);
        }
    }
    text(const std::string& s) : text(std::string_view(s)) {}  // NOLINT
    text(const char* s) : text(std::string_view(s)) {}         // NOLINT

    operator std::string_view() const { return view(); }  // NOLINT
    std::string_view view() const {
        if (!bytes_) {
            return {};
        }
        std::uint32_t size = 0;
        std::memcpy(&size, bytes_.get(), sizeof size);
        return {bytes_.get() + sizeof size, size};
    }
    std::string str() const { return std::string(view()); }
    bool empty() const { return !bytes_; }
    std::size_t size() const { return view().size(); }

    friend bool operator==(const text& a, std::string_view b) { return a.view() == b; }

private:
    std::unique_ptr<char[]> bytes_;
};

/// For tables of names, which anything that is a std::string_view finds. Names come from outside: see keyed_hash.
struct text_hash {
    using is_transparent = void;
    using is_avalanching = void;
    std::size_t operator()(std::string_view s) const noexcept { return keyed_hash(s); }
};
struct text_equal {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};
template <class T>
using by_text = std::unordered_map<std::string, T, text_hash, text_equal>;

/// Bytes that many connections have in common, as the header lines of one browser: held once for all of them. One loop's
/// thread only: its holders are counted without atomics.
class shared_text {
public:
    shared_text() = default;
    /// Finds the holder of the same bytes, or becomes the first.
    explicit shared_text(std::string_view s);
    shared_text(const shared_text& other) : node_(other.node_) { hold(); }
    shared_text(shared_text&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
    shared_text& operator=(shared_text other) noexcept {
        std::swap(node_, other.node_);
        return *this;
    }
    ~shared_text() { release(); }

    operator std::string_view() const { return view(); }  // NOLINT
    std::string_view view() const;
    std::string str() const { return std::string(view()); }
    bool empty() const { return node_ == nullptr; }
    std::size_t size() const { return view().size(); }

    /// How many different texts this thread holds.
    static std::size_t distinct();

private:
    struct node;
    struct table;
    static table& all();
    void hold();
    void release();

    node* node_ = nullptr;
};

}  // namespace wsidecar::core
