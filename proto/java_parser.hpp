#pragma once

// The parser behind parse_java(): for java_stream.cpp and java_class_desc.cpp only.

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/java_stream.hpp"

namespace wsidecar::proto {

enum type_code : std::uint8_t {
    tc_null = 0x70,
    tc_reference,
    tc_class_desc,
    tc_object,
    tc_string,
    tc_array,
    tc_class,
    tc_block_data,
    tc_end_block_data,
    tc_reset,
    tc_block_data_long,
    tc_exception,
    tc_long_string,
    tc_proxy_class_desc,
    tc_enum,
};

/// Recursive descent over one stream: nested() is the only way down, and counts. After the first failure all return false.
class java_parser {
public:
    java_parser(std::string_view in, const java_limits& limits) : in_(in), limits_(limits) {}

    java_result<java_document> run() {
        if (whole()) {
            return std::move(doc_);
        }
        return std::move(problem_);
    }

private:
    /// What a handle stands for: a value, or a class descriptor.
    struct handle {
        java_value value;
        std::uint32_t type = no_java_class;
    };

    std::size_t left() const { return in_.size() - at_; }
    bool has(std::uint64_t n) { return n <= left() || fail("truncated", "the stream ends within a value"); }

    bool whole();
    bool fail(const char* reason, const char* detail);
    /// The next `bytes` (1 to 8) as a number.
    bool number(std::size_t bytes, std::uint64_t& to);
    /// A string of `length` bytes.
    bool utf(std::uint64_t length, java_value& to);
    bool short_utf(java_value& to);
    /// Appended to what is in `bytes`: pieces of a block that follow each other become one.
    bool block(std::uint64_t length, java_value& to);
    bool new_handle(const java_value& value, std::uint32_t type = no_java_class);
    bool reference(handle& to);
    bool content(java_value& to);
    bool new_string(std::uint64_t code, java_value& to);
    /// A string that must be one: a constant's name, a field's type.
    bool string_object(java_value& to);
    bool nested(std::uint64_t code, java_value& to);
    bool nested_body(std::uint64_t code, java_value& to);
    bool new_node(java_shape_of what, std::uint32_t type, std::size_t offset, java_value& to);
    /// Blocks and objects up to the end mark.
    bool annotation(std::vector<java_value>& to);
    bool object(std::uint32_t type, std::size_t offset, java_value& to);
    bool class_data(std::uint32_t type, java_node& made);
    bool field_value(char type, java_value& to);
    bool array(std::uint32_t type, std::size_t offset, java_value& to);
    bool constant(std::uint32_t type, std::size_t offset, java_value& to);
    /// classDesc of the grammar: a class and those of its superclasses that the stream has not had, nearest first.
    bool class_desc(std::uint32_t& to);
    bool class_reference(std::uint32_t& to);
    bool new_class(std::vector<std::uint32_t>& chain);
    bool field(std::uint32_t type);
    /// Which classes have data in an object of this one.
    void lay_out(std::uint32_t type);
    /// Of fields with one name, the last is the one that is seen. Called when a first object has been read.
    void find_hidden(std::uint32_t type);

    std::string_view in_;
    const java_limits& limits_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
    std::uint32_t current_ = no_java_class;  ///< the class of the innermost object
    std::vector<handle> handles_;
    std::size_t fields_ = 0;                                         ///< of all classes
    std::map<std::string, std::uint32_t> field_names_;               ///< their ids; ordered, for names may be made to collide
    std::vector<std::pair<std::uint32_t, std::size_t>> last_field_;  ///< by id: the class last asked for, and where it has it
    java_document doc_;
    java_problem problem_;
};

}  // namespace wsidecar::proto
