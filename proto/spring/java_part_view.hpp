#pragma once

// What the readers of known classes share: for java_known.cpp and java_known_values.cpp only.

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proto/spring/java_known.hpp"

namespace wsidecar::proto {

constexpr problem bad_known_class{"bad_known_class", "an object of a known class without the data that it always has"};

/// One class's part of an object.
struct java_part_view {
    const java_document& document;
    const java_node& node;
    const java_limits& limits;
    std::string& text;      ///< where a reader may put the text that its shape refers to
    std::string_view a, b;  ///< of the table: names of the fields that matter, or of another class
    java_part part = {};

    /// The part of another class of the chain; without data it is empty.
    java_part_view of(std::string_view class_name) const {
        for (const auto& p : document.parts_of(node)) {
            if (document.class_name(p.type) == class_name) {
                return {document, node, limits, text, a, b, p};
            }
        }
        return {document, node, limits, text, a, b};
    }

    /// A field as a span of one, to be kept in a shape; empty: there is none.
    std::span<const java_value> field(std::string_view name) const {
        if (part.type != no_java_class) {
            const auto fields = document.fields_of(part.type);
            for (std::size_t i = 0; i < fields.size() && part.fields + i < part.extra; ++i) {
                if (document.string(fields[i].name) == name) {
                    return document.values_of(node).subspan(part.fields + i, 1);
                }
            }
        }
        return {};
    }

    std::optional<std::int64_t> number(std::string_view name, java_kind kind) const {
        const auto f = field(name);
        return !f.empty() && f[0].kind == kind ? std::optional(f[0].number) : std::nullopt;
    }

    /// The array that a field holds; nullptr: it doesn't.
    const java_node* array(std::string_view name, java_shape_of what) const {
        const auto f = field(name);
        return !f.empty() && f[0].kind == java_kind::node && document.node(f[0]).what == what ? &document.node(f[0]) : nullptr;
    }

    /// What the class wrote after its fields.
    std::span<const java_value> extra() const { return document.values_of(node).subspan(part.extra, part.end - part.extra); }

    /// The first block of it.
    std::string_view block() const {
        for (const auto& v : extra()) {
            if (v.kind == java_kind::block) {
                return document.block(v);
            }
        }
        return {};
    }
};

inline result<void> text_shape(java_shape& to, java_form form, std::string_view text) {
    to.form = form;
    to.text = text;
    return {};
}

inline result<void> number_shape(java_shape& to, java_form form, std::int64_t number) {
    to.form = form;
    to.number = number;
    return {};
}

inline result<void> values_shape(java_shape& to, java_form form, std::span<const java_value> first,
                                 std::span<const java_value> second = {}) {
    to.form = form;
    to.first = first;
    to.second = second;
    return {};
}

/// How to read a class.
using java_reader = result<void> (*)(const java_part_view& in, java_shape& to);

// Readers of single values; the collections' are where the table is.
result<void> java_date(const java_part_view& in, java_shape& to);
result<void> java_timestamp(const java_part_view& in, java_shape& to);
result<void> java_millis(const java_part_view& in, java_shape& to);
result<void> java_string_builder(const java_part_view& in, java_shape& to);
result<void> java_string_buffer(const java_part_view& in, java_shape& to);
result<void> java_big_integer(const java_part_view& in, java_shape& to);
result<void> java_big_decimal(const java_part_view& in, java_shape& to);
result<void> java_uuid(const java_part_view& in, java_shape& to);
result<void> java_int_as_boolean(const java_part_view& in, java_shape& to);
result<void> java_time_value(const java_part_view& in, java_shape& to);

}  // namespace wsidecar::proto
