#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wsidecar::proto {

// JSON Pointers (RFC 6901) into JSON as text: what is found is a part of the text, with its own digits and escapes.
// One walk over the text, however long the pointer is. Of repeated members the last one counts, as in JSON.parse.

/// Whether this is a pointer: empty, or segments that begin with / and have ~ only as ~0 and ~1.
bool valid_pointer(std::string_view pointer);

/// The value that the pointer leads to ("" = the whole, without whitespace around it); nullopt when there is none, or `json` is
/// no JSON value.
std::optional<std::string_view> find_pointer(std::string_view json, std::string_view pointer);

/// The same for a pointer whose segments `*` stand for every element or member, in the order of the text.
std::vector<std::string_view> find_all(std::string_view json, std::string_view pointer);

/// A string's text, or a number's or boolean's own; nullopt for null, objects, arrays and what is no JSON value.
std::optional<std::string> scalar_text(std::string_view raw);

/// The same where a name is made of it: a number has one text however it was written (7, 7.0 and 0.7E1 are "7", 1.50 is "1.5").
/// Numbers with more than 40 digits, written out, stay as they are.
std::optional<std::string> name_text(std::string_view raw);

}  // namespace wsidecar::proto
