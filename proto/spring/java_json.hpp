#pragma once

#include <string>
#include <string_view>

#include "proto/spring/java_dom.hpp"

namespace wsidecar::proto {

// What a Java object is in JSON:
//   object of a class of the app   object of its fields as they are on the wire (neither static nor transient; getters and
//                                  annotations are not there), a superclass's before its subclass's, which win over them
//   numbers, boxed or not          number with all its digits; a BigDecimal keeps its scale, and has an exponent only if that is
//                                  beyond +-100; "NaN", "Infinity", "-Infinity"; a Year too
//   String, StringBuilder, char, char[], UUID, URI, enum constant, Class: string; byte[]: base64
//   Date, Timestamp, Calendar, Joda's DateTime: see java_dates; java.time: text of ISO 8601, a ZonedDateTime with its offset
//   arrays, lists, sets, queues    array
//   maps, Map.Entry                object; a key that is no string is the text of its JSON. Equal keys (1 and "1") stay both
//   JSON objects of libraries      what they hold: Jackson's JsonNode, fastjson's, Hutool's, json-lib's and org.json's
// What only the class can read is refused wherever it stands: an Externalizable, and what a writeObject() wrote besides the fields.
// Wrappers (Collections.unmodifiableList(), Hibernate's collections, Guava's, Spring's maps ...) are what they wrap. An object that
// is shared is written each time, one that contains itself is null there.

enum class java_longs : std::uint8_t { number, string };  ///< long, Long, BigInteger: browsers lose digits above 2^53
enum class java_dates : std::uint8_t { epoch_ms, iso };   ///< 1540171800123 or "2018-10-22T01:30:00.123+00:00"

struct java_json_options {
    java_longs longs = java_longs::number;
    java_dates dates = java_dates::epoch_ms;
};

/// The document as compact JSON in UTF-8. Reasons:
///   too_deep (references can nest what the stream doesn't), json_too_big, too_many_objects: see java_limits;
///   array_too_long (Collections.nCopies), number_too_long (BigInteger);
///   lambda: one stands where a value should;
///   externalizable, written_by_class: an object whose class alone knows what it wrote;
///   bad_known_class: a class of the table without the data that it always has.
java_result<std::string> write_java_json(const java_document& document, const java_json_options& options = {},
                                         const java_limits& limits = {});

/// parse_java() and write_java_json().
java_result<std::string> java_to_json(std::string_view stream, const java_json_options& options = {},
                                      const java_limits& limits = {});

}  // namespace wsidecar::proto
