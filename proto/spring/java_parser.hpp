#pragma once

// The parser behind parse_java(): for java_stream.cpp and java_class_desc.cpp only.

#include <array>
#include <cstddef>
#include <map>
#include <memory_resource>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/spring/java_stream.hpp"
#include "proto/text/words.hpp"

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

constexpr std::uint32_t first_handle = 0x7E0000;

/// Objects with more fields are given work and memory as these come.
constexpr std::uint32_t most_plain_fields = 64;

/// Recursive descent over one stream: nested() is the only way down, and counts. After the first failure all return false.
class java_parser {
public:
    java_parser(std::string_view in, const java_limits& limits) : in_(in), limits_(limits) {}
    java_parser(const java_parser&) = delete;
    java_parser& operator=(const java_parser&) = delete;

    java_result<java_document> run() {
        if (whole()) {
            return std::move(doc_);
        }
        return std::move(problem_);
    }

private:
    std::size_t left() const { return in_.size() - at_; }
    bool has(std::uint64_t n) { return n <= left() || fail("truncated", "the stream ends within a value"); }

    bool whole();
    /// For what is usual in so many bytes; more is taken as it comes.
    void take_memory();
    bool fail(const char* reason, const char* detail);

    /// The next `bytes` (1 to 8) as a number.
    bool number(std::size_t bytes, std::uint64_t& to) {
        if (!has(bytes)) {
            return false;
        }
        to = big_endian(in_.substr(at_), bytes);
        at_ += bytes;
        return true;
    }

    /// A string of `length` bytes.
    bool utf(std::uint64_t length, java_value& to) {
        if (!has(length)) {
            return false;
        }
        if (!is_ascii(in_.substr(at_, length))) {
            return other_utf(length, to);
        }
        to = {java_kind::string, static_cast<std::uint32_t>(length), static_cast<std::int64_t>(at_)};
        at_ += length;
        return true;
    }
    bool other_utf(std::uint64_t length, java_value& to);

    bool short_utf(java_value& to) {
        std::uint64_t length = 0;
        return number(2, length) && utf(length, to);
    }

    /// Pieces of a block that follow each other become one.
    bool block(std::uint64_t length, java_value& to);

    /// Of a value; of a class, which no value is.
    bool new_handle(java_value value) {
        if (handles_.size() >= limits_.handles) {
            return fail("too_many_handles", "the stream has more objects than the limit");
        }
        handles_.push_back(value);
        return true;
    }
    static java_value class_handle(std::uint32_t type) { return {java_kind::block, 0, type}; }
    static bool is_class(const java_value& handle) { return handle.kind == java_kind::block; }

    bool reference(const java_value*& to) {
        std::uint64_t n = 0;
        if (!number(4, n)) {
            return false;
        }
        if (n < first_handle || n - first_handle >= handles_.size()) {
            return fail("bad_handle", "a reference to nothing that came before");
        }
        to = &handles_[n - first_handle];
        return true;
    }

    bool new_string(std::uint64_t code, java_value& to) {
        std::uint64_t length = 0;
        return number(code == tc_string ? 2 : 8, length) && utf(length, to) && new_handle(to);
    }

    /// A string that must be one: a constant's name, a field's type.
    bool string_object(java_value& to);

    using values = std::vector<java_value>;  // grows meanwhile: its entries are named by their place

    bool content(values& to, std::size_t at);
    bool nested(std::uint64_t code, values& to, std::size_t at);

    bool new_node(java_shape_of what, std::uint32_t type, std::size_t offset) {
        const java_value node{java_kind::node, 0, static_cast<std::int64_t>(doc_.nodes.size())};
        doc_.nodes.push_back({what, type, static_cast<std::uint32_t>(offset), {}, {}, 0});
        return new_handle(node);
    }

    /// What is pending from `begin` on are the node's values.
    bool take_pending(std::size_t node, std::size_t begin);
    /// Blocks and objects up to the end mark: they are pending.
    bool annotation();
    bool object(std::uint32_t type, std::size_t offset);
    bool external_data(std::uint32_t type, std::size_t node);
    bool class_data(std::uint32_t type, std::size_t node);
    bool block_instead_of(char first_field) const;

    bool field_value(char type, values& to, std::size_t at) {
        const auto width = java_width(type);
        if (width == 0) {
            return content(to, at);
        }
        std::uint64_t bits = 0;
        if (!number(width, bits)) {
            return false;
        }
        to[at] = java_primitive(type, bits);
        return true;
    }

    bool array(std::uint32_t type, std::size_t offset);
    bool constant(std::uint32_t type, std::size_t offset);

    /// classDesc of the grammar: a class and those of its superclasses that the stream has not had, nearest first.
    bool class_desc(std::uint32_t& to);
    bool class_reference(std::uint32_t& to) {
        const java_value* found = nullptr;
        if (!reference(found)) {
            return false;
        }
        if (!is_class(*found)) {
            return fail("bad_handle", "a reference to something that is no class");
        }
        to = static_cast<std::uint32_t>(found->index());
        return !doc_.classes[to].open || fail("class_cycle", "a class is named before its superclasses are known");
    }
    bool new_class();
    bool field(std::uint32_t type);
    /// What is the same in all objects of a class; there may be none.
    bool lay_out(std::uint32_t type);
    /// Of fields with one name, the last is the one that is seen. Where they are many, an object is read first, which costs more.
    void find_hidden(std::uint32_t type);

    /// Ordered, for names may be made to collide.
    struct by_text {
        const java_document* document;
        bool operator()(const java_value& a, const java_value& b) const {
            return a.size != b.size ? a.size < b.size : document->string(a) < document->string(b);
        }
    };

    std::string_view in_;
    const java_limits& limits_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
    std::uint32_t current_ = no_java_class;  ///< the class of the innermost object
    values handles_;
    values pending_;                    ///< a stack: values of the objects that are being read, innermost last
    std::string types_;                 ///< of fields, see java_class
    std::vector<std::uint32_t> chain_;  ///< likewise classes whose superclasses are being read
    std::size_t fields_ = 0;            ///< of all classes
    std::vector<std::pair<std::uint32_t, std::size_t>> last_field_;  ///< by id: the class last asked for, and where it has it
    java_document doc_;
    java_problem problem_;
    std::array<std::byte, 2048> name_memory_;
    std::pmr::monotonic_buffer_resource names_{name_memory_.data(), name_memory_.size()};
    std::pmr::map<java_value, std::uint32_t, by_text> field_names_{by_text{&doc_}, &names_};  ///< their ids
};

}  // namespace wsidecar::proto
