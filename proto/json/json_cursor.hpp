#pragma once

#include <cstddef>
#include <string_view>

namespace wsidecar::proto {

constexpr int json_depth = 64;  ///< how many objects and arrays may stand in each other

/// Walks over one JSON text (RFC 8259) from token to token: nothing is copied, nothing allocated.
class json_cursor {
public:
    explicit json_cursor(std::string_view text, int max_depth = json_depth) : s_(text), max_depth_(max_depth) {}

    std::size_t at() const { return at_; }
    std::string_view since(std::size_t start) const { return s_.substr(start, at_ - start); }
    bool too_deep() const { return too_deep_; }

    /// The next byte, or NUL at the end.
    char peek() const { return at_ < s_.size() ? s_[at_] : '\0'; }
    /// The same after whitespace.
    char space();
    /// Nothing but whitespace is left.
    bool at_end();

    bool string();
    /// A string, number, true, false or null.
    bool scalar();
    /// Any value; `depth` containers are open around it.
    bool value(int depth);

    /// An object or array. Calls each(key) before every value (the key with its quotes; none in an array), which has to
    /// read the value and return whether that worked.
    template <class F>
    bool container(int depth, F each) {
        if (depth >= max_depth_) {
            too_deep_ = true;
            return false;
        }
        const bool object = peek() == '{';
        const char end = object ? '}' : ']';
        ++at_;
        if (space() == end) {
            ++at_;
            return true;
        }
        for (;;) {
            std::string_view key;
            if (object) {
                const std::size_t start = at_;
                if (!string()) {
                    return false;
                }
                key = since(start);
                if (space() != ':') {
                    return false;
                }
                ++at_;
                space();
            }
            if (!each(key)) {
                return false;
            }
            const char next = space();
            if (next != end && next != ',') {
                return false;
            }
            ++at_;
            if (next == end) {
                return true;
            }
            space();
        }
    }

private:
    bool word(std::string_view w);
    bool escape();
    bool number();
    std::size_t digits();

    std::string_view s_;
    std::size_t at_ = 0;
    int max_depth_;
    bool too_deep_ = false;
};

inline bool opens_container(char c) {
    return c == '{' || c == '[';
}

/// Whether the text is exactly one JSON value of any kind. Does not look at its UTF-8.
bool is_json(std::string_view text, int max_depth = json_depth);

}  // namespace wsidecar::proto
