#pragma once

#include <optional>
#include <span>
#include <string>

#include "proto/java_dom.hpp"

namespace wsidecar::proto {

// Classes whose fields say nothing to a client: collections, dates, boxes ... This is what they mean; java_json.cpp writes it.

enum class java_form : std::uint8_t {
    token,   ///< `text` is JSON
    digits,  ///< `text` is a whole number of any size
    text,    ///< `text` is a string
    date,    ///< `number` is milliseconds since 1970
    value,   ///< what `first[0]` is
    list,    ///< the values of `first`, then of `second`; blocks among them don't count
    map,     ///< `first` alternates keys and values; blocks among them don't count
    zip,     ///< `first` are the keys, `second` as many values
    keys,    ///< a list of the keys of the map `first[0]`
    copies,  ///< `first[0]`, `number` times
};

struct java_shape {
    java_form form = java_form::token;
    std::string text;
    std::int64_t number = 0;
    std::span<const java_value> first;
    std::span<const java_value> second;
};

/// How to understand objects of one class of the table.
struct java_known;

/// The table's entry for a class or the nearest of its superclasses; nullptr: its fields are all there is to say.
const java_known* find_java_known(const java_document& document, std::uint32_t type);

/// What the object means. The problem has no offset and class yet.
result<java_shape> read_java_known(const java_known& known, const java_document& document, const java_node& node,
                                   const java_limits& limits);

}  // namespace wsidecar::proto
