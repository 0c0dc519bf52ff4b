#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/spring/java_dom.hpp"

namespace wsidecar::proto {

// Java Object Serialization Specification, version 6.0 and later, chapter 6: the stream protocol, version 2 (AC ED 00 05).
//
// As that chapter's grammar has it, a class with a writeObject() writes its fields first. One that calls neither
// defaultWriteObject() nor writeFields() although it has fields can't be read without the class; such streams are refused mostly.

/// Whether the bytes begin as a stream does.
bool looks_like_java(std::string_view bytes);

/// Reads a stream that holds exactly one object, as ObjectOutputStream.writeObject() leaves it. Work and memory are bounded by
/// the bytes given, whatever lengths they claim. Reasons:
///   message_too_big, not_java (no header), truncated, trailing_bytes;
///   bad_type_code, bad_handle, bad_length, bad_utf, bad_class (descriptor, flags, or none), bad_field: not the grammar;
///   class_cycle: a class stands among its own superclasses;
///   too_deep, too_many_handles, too_many_classes, too_many_fields, array_too_long: see java_limits;
///   dynamic_proxy, exception: the stream has one (an exception is what a failed writer leaves);
///   old_protocol: an Externalizable without block data, which can't be read without its class.
java_result<java_document> parse_java(std::string_view stream, const java_limits& limits = {});

/// A stream that holds only this string (valid UTF-8): what JdkSerializationRedisSerializer makes of a key.
std::string write_java_string(std::string_view utf8);

}  // namespace wsidecar::proto
