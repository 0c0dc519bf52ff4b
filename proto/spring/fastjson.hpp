#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "proto/json/json_cursor.hpp"
#include "proto/text/result.hpp"

namespace wsidecar::proto {

struct plain_json {
    bool typed = false;    ///< it named classes (`@type`)
    bool changed = false;  ///< it was not plain JSON already
    std::string text;      ///< the JSON; empty unless `changed`
};

/// What fastjson writes with WriteClassName, as plain JSON. Numbers lose their suffix (1001L), sets their name (Set[...]),
/// objects their `@type`; new Date(n) and {"@type":"java.util.Date","val":n} become n, byte arrays (x'0AFF') base64, keys and
/// strings get double quotes. {"$ref":"$.a[0]"} becomes what it points at: null if that is around it (a cycle) or missing.
/// The bytes must be UTF-8. Reasons: not_fastjson, too_deep, output_too_large, too_many_references.
result<plain_json> unwrap_fastjson(std::string_view bytes, int max_depth = json_depth, std::size_t max_output = 1U << 20U);

}  // namespace wsidecar::proto
