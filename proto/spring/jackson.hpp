#pragma once

#include <string>
#include <string_view>

#include "proto/json/json_cursor.hpp"
#include "proto/text/result.hpp"

namespace wsidecar::proto {

// Jackson with default typing writes Java's class names into its JSON: as members (`{"@class":"com.example.A","id":1}`) and as
// arrays around values (`["java.util.Date",0]`). Whether a value has one depends on the type that the app declared, which is
// not on the wire, so an array of two is taken for a wrapper when
//   - its first element is the name of a class, and its second one an object or array; or
//   - the second one is a string, number or boolean, and the class can hardly be data: of java. or javax., nested (a $), an
//     array's, or in two packages at least and upper-case.
// What a wrapper holds is no wrapper itself: `["java.util.ArrayList",["a.b.C","x"]]` is a list of two strings.
// What can't be told apart: a bare String[2] that looks like the second kind; an event `["order.created",{...}]`, the first.

struct unwrapped_json {
    bool typed = false;  ///< there were types
    std::string text;    ///< plain JSON without whitespace between tokens, every token as it stood; empty unless `typed`
};

enum class jackson_types { detect, sure };

/// Takes the types out of JSON. With `detect` only if one is beyond doubt: a member `@class` that is a string, a wrapper of the
/// first kind anywhere, or one of any kind as the whole. Reasons: not_json, too_deep.
result<unwrapped_json> unwrap_jackson(std::string_view json, jackson_types types, int max_depth = json_depth);

/// The name of a class in a package, as Class.getName() writes it, arrays too.
bool is_java_class_name(std::string_view name);

}  // namespace wsidecar::proto
