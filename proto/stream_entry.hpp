#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/spring/payload.hpp"
#include "proto/text/result.hpp"

namespace wsidecar::proto {

/// An entry of a Redis stream. Names and values are as the app's serializers have written them.
struct stream_entry {
    std::string_view id;
    std::vector<std::pair<std::string_view, std::string_view>> fields;
};

/// Parses an entry in the form that sidecar/redis/lua/parts/streams.lua writes: the id, LF, and each name and value as length:bytes.
/// The views point into `text`. Returns nullopt if the text has another form.
std::optional<stream_entry> read_stream_entry(std::string_view text);

/// The value of the field with this name, whichever serializer has written the name (as text, or as a Java or JSON string); nullopt if
/// there is none. A Java byte[] gives the bytes in it.
std::optional<std::string_view> field_of(const stream_entry& entry, std::string_view name);

/// Converts the whole entry to one JSON object:
///   text                           string, unless it is an object or array of JSON; where the app's serializer writes JSON (one of the
///                                  values is a string in quotes) the value that it is
///   Java serialization             what it is in JSON (proto/java_json.hpp)
///   an object of Spring's hash mappers (ObjectRecord: a field _class, or @class with Jackson's): its members; a.b, a.[0], a[0] and
///                                  a.[key] are objects and arrays again. ObjectHashMapper writes each scalar as text, and does not say
///                                  which were numbers: they stay strings; bytes that are no text are base64.
/// Reasons: those of `jdk` and of decode_payload() for values that cannot be read, not_utf8, too_deep.
result<std::string> entry_json(const stream_entry& entry, const jdk_decoder& jdk, const payload_limits& limits = {});

/// The entry for the list of rejected ones: {"id":"1-1","fields":{...}}, with values that are not text under "base64".
std::string describe_entry(const stream_entry& entry);

}  // namespace wsidecar::proto
