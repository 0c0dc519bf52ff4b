#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proto/spring/java_dom.hpp"

namespace wsidecar::proto {

// Classes whose fields say nothing to a client: collections, dates, boxes ... This is what they mean; java_json.cpp writes it.

enum class java_form : std::uint8_t {
    token,   ///< `text` is JSON
    json,    ///< the same, of any size
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
    std::string_view text;
    std::int64_t number = 0;
    std::span<const java_value> first;
    std::span<const java_value> second;
};

/// How to understand objects of one class of the table.
struct java_known;

/// What objects of a class mean.
struct java_meaning {
    const java_known* known = nullptr;  ///< nullptr: their fields are all there is to say
    bool is_field = false;              ///< no more than the field that follows
    std::uint32_t part = 0;             ///< of the object
    std::uint32_t field = 0;            ///< of that part
};

/// As the table has it for the class, or the nearest of its superclasses. An object of the class was read.
java_meaning find_java_meaning(const java_document& document, std::uint32_t type);

/// What the object means (`to` as it was made); `text` may come to hold the text of it. The problem has no offset and class yet.
result<void> read_java_known(const java_known& known, const java_document& document, const java_node& node,
                             const java_limits& limits, std::string& text, java_shape& to);

}  // namespace wsidecar::proto
