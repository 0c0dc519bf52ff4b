#pragma once

// What the readers of known classes share: for java_known.cpp and java_known_values.cpp only.

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proto/java_known.hpp"

namespace wsidecar::proto {

constexpr problem bad_known_class{"bad_known_class", "an object of a known class without the data that it always has"};

/// One class's part of an object.
struct java_part_view {
    const java_document& document;
    const java_node& node;
    const java_limits& limits;
    java_part part;

    /// The part of another class of the chain; without data it is empty.
    java_part_view of(std::string_view class_name) const {
        for (const auto& p : node.parts) {
            if (document.class_name(p.type) == class_name) {
                return {document, node, limits, p};
            }
        }
        return {document, node, limits, {}};
    }

    /// A field as a span of one, to be kept in a shape; empty: there is none.
    std::span<const java_value> field(std::string_view name) const {
        if (part.type != no_java_class) {
            const auto& fields = document.classes[part.type].fields;
            for (std::size_t i = 0; i < fields.size() && part.fields + i < part.extra; ++i) {
                if (document.string(fields[i].name) == name) {
                    return std::span(node.values).subspan(part.fields + i, 1);
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
    std::span<const java_value> extra() const { return std::span(node.values).subspan(part.extra, part.end - part.extra); }

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

inline result<java_shape> text_shape(java_form form, std::string text) {
    java_shape s;
    s.form = form;
    s.text = std::move(text);
    return s;
}

inline result<java_shape> number_shape(java_form form, std::int64_t number) {
    java_shape s;
    s.form = form;
    s.number = number;
    return s;
}

inline result<java_shape> values_shape(java_form form, std::span<const java_value> first,
                                       std::span<const java_value> second = {}) {
    java_shape s;
    s.form = form;
    s.first = first;
    s.second = second;
    return s;
}

// How to read a class; `a` and `b` name the fields that matter.
using java_reader = result<java_shape> (*)(const java_part_view& in, std::string_view a, std::string_view b);

// Readers of single values; the collections' are where the table is.
result<java_shape> java_date(const java_part_view& in, std::string_view a, std::string_view b);
result<java_shape> java_timestamp(const java_part_view& in, std::string_view a, std::string_view b);
result<java_shape> java_millis(const java_part_view& in, std::string_view a, std::string_view b);
result<java_shape> java_string_builder(const java_part_view& in, std::string_view a, std::string_view b);
result<java_shape> java_string_buffer(const java_part_view& in, std::string_view a, std::string_view b);
result<java_shape> java_big_integer(const java_part_view& in, std::string_view a, std::string_view b);
result<java_shape> java_big_decimal(const java_part_view& in, std::string_view a, std::string_view b);
result<java_shape> java_uuid(const java_part_view& in, std::string_view a, std::string_view b);
result<java_shape> java_int_as_boolean(const java_part_view& in, std::string_view a, std::string_view b);
result<java_shape> java_time_value(const java_part_view& in, std::string_view a, std::string_view b);

}  // namespace wsidecar::proto
