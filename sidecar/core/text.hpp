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

/// A compact string for connections' rarely read texts: one pointer instead of std::string's 32 bytes, and no allocation when empty. It can
/// be replaced, but not edited. At most 4 GiB.
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

/// Hash and equality for tables of names, with look-up by std::string_view. Peers choose the names, so the hash is keyed.
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

/// A text that many connections share, such as the header lines of one browser; it is stored once. Event loop only: the reference count is
/// not atomic.
class shared_text {
public:
    shared_text() = default;
    /// Shares the stored text with the same bytes, or stores a new one.
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

    /// The number of different texts stored by this thread.
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
