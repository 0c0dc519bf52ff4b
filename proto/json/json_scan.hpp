#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wsidecar::proto {

// JSON (RFC 8259) as text: finds where values begin and end without changing a byte of them. Depth at most 64.

/// Whether the text is exactly one object or array.
bool json_container(std::string_view text);

/// The elements of an array as they stand; nullopt when the text is not exactly one array.
std::optional<std::vector<std::string_view>> json_elements(std::string_view text);

/// The members of an object as they stand: the keys with their quotes, repeated ones too; nullopt when the text is not exactly one object.
std::optional<std::vector<std::pair<std::string_view, std::string_view>>> json_members(std::string_view text);

/// A string value as UTF-8; nullopt when `raw` is no string, or has a lone surrogate or bad UTF-8.
std::optional<std::string> json_string(std::string_view raw);

/// A value without the whitespace between its tokens, every token as it stands.
std::string json_compact(std::string_view raw);

/// `text` as a JSON string, quotes included. The text must be UTF-8.
void json_quote(std::string& out, std::string_view text);

/// The same to where there is room for 2 bytes and 6 for each of the text; returns the end.
char* json_quote_to(char* to, std::string_view text);

}  // namespace wsidecar::proto
