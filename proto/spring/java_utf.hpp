#pragma once

#include <string>
#include <string_view>

namespace wsidecar::proto {

// "Modified UTF-8" of java.io.DataInput: NUL is C0 80, characters beyond U+FFFF are two surrogates of three bytes each.

/// Whether the text is the same in UTF-8.
bool is_plain_java_utf(std::string_view modified);

/// Appends the text as UTF-8, which is never longer; lone surrogates become U+FFFD. False (and nothing of use appended): malformed.
bool append_java_utf(std::string& out, std::string_view modified);

/// UTF-8 (which must be valid) as modified UTF-8.
std::string to_java_utf(std::string_view utf8);

/// Appends UTF-16 units, big endian, as UTF-8; lone surrogates become U+FFFD. An odd last byte is ignored.
void append_utf16(std::string& out, std::string_view units);

}  // namespace wsidecar::proto
