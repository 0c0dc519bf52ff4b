#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wsidecar::proto {

/// A value of what fastjson writes; those inside it follow it. Views are slices of the text.
struct fastjson_node {
    enum class kind_type : std::uint8_t { token, string, bytes, null, object, array, reference };
    static constexpr std::uint32_t none = 0xFFFFFFFF;

    std::string_view text;  ///< token, string, bytes: itself; reference: its path, with quotes
    std::string_view key;   ///< in an object
    std::uint32_t parent = none;
    std::uint32_t end = 0;  ///< the first node behind this one and all that is in it
    kind_type kind = kind_type::null;
    bool java = false;  ///< an object of a class in java.*
    bool open = false;  ///< being written right now
};

struct fastjson_tree {
    std::vector<fastjson_node> nodes;  ///< the first is the whole
    bool typed = false;                ///< it names classes
    bool changed = false;              ///< it is not plain JSON
    bool deep = false;                 ///< it is deeper than the limit, and was not read
};

/// Reads a whole text. False: it is not what fastjson writes, or too deep.
bool parse_fastjson(std::string_view text, int max_depth, fastjson_tree& to);

/// Appends a string of fastjson (either kind of quotes around it, escapes checked) as a string of JSON.
void append_fastjson_string(std::string& out, std::string_view raw);
/// What a string or a key stands for.
std::string fastjson_text_of(std::string_view raw);

}  // namespace wsidecar::proto
