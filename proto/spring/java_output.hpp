#pragma once

// What the writer of objects is built on: for java_json.cpp only.

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/json/json_buffer.hpp"
#include "proto/spring/java_json.hpp"
#include "proto/spring/java_number.hpp"
#include "proto/spring/java_utf.hpp"

namespace wsidecar::proto {

constexpr problem json_too_big{"json_too_big", "the JSON would be longer than the limit"};
constexpr problem too_many_objects{"too_many_objects", "more objects would be written than the limit"};

/// JSON under limits: its pieces, and the problem if they are too many. All return false then.
class java_output {
protected:
    java_output(const java_document& document, const java_json_options& options, const java_limits& limits)
        : doc_(document), options_(options), limits_(limits), out_(std::min(2 * document.bytes.size(), limits.json) + 64) {
        path_.reserve(16);
    }

    [[gnu::noinline]] bool fail(const problem& p, const java_node* node = nullptr) {
        problem_ = {p, 0, {}};
        if (node == nullptr && !path_.empty()) {
            node = path_.back();
        }
        if (node != nullptr) {
            problem_.offset = node->offset;
            problem_.class_name = printable_class_name(doc_.class_name(node->type));
        }
        return false;
    }

    bool fits(std::size_t more = 0) { return out_.size() + more <= limits_.json || fail(json_too_big); }

    /// Counts work that writes nothing, in objects.
    bool charge(std::size_t n) {
        if (n > limits_.objects - work_) {
            return fail(too_many_objects);
        }
        work_ += n;
        return true;
    }

    bool token(std::string_view text) {
        out_.put(text);
        return fits();
    }

    bool quoted(std::string_view text) {
        if (!fits(text.size())) {
            return false;
        }
        out_.quote(text);
        return fits();
    }

    bool whole_number(std::int64_t n) {
        out_.put(n);
        return fits();
    }

    bool long_number(std::int64_t n) {
        if (options_.longs == java_longs::number) {
            return whole_number(n);
        }
        out_.put('"');
        out_.put(n);
        return token("\"");
    }

    [[gnu::noinline]] bool real_number(double v, bool is_float) {
        if (!std::isfinite(v)) {
            return quoted(std::isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity");
        }
        return token(is_float ? java_float_text(static_cast<float>(v)) : java_double_text(v));
    }

    [[gnu::noinline]] bool character(const java_value& v) {
        const char unit[] = {static_cast<char>(v.number >> 8), static_cast<char>(v.number & 0xFF)};
        std::string text;
        append_utf16(text, {unit, 2});
        return quoted(text);
    }

    /// A comma, but not at the first place.
    bool comma(bool& first) { return std::exchange(first, false) || token(","); }

    const java_document& doc_;
    const java_json_options& options_;
    const java_limits& limits_;
    json_buffer out_;
    std::vector<const java_node*> path_;  ///< the nodes that are being written, within each other
    std::size_t work_ = 0;
    java_problem problem_;
};

}  // namespace wsidecar::proto
