#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/text/result.hpp"

namespace wsidecar::proto {

// What a Java Object Serialization stream holds, as data: no class is looked up, nothing of it is ever executed.
// Everything refers to its parts by index, so a document may be copied and moved, and has cycles where the stream has some.

/// What a stream may take. Everything is checked against these and against the bytes that are left, before memory is taken.
struct java_limits {
    std::size_t message = 1 << 20;  ///< bytes of the stream, never more than 2^31 - 1
    std::size_t depth = 64;  ///< objects and arrays within each other (read and written), superclasses of a class: below 1'000
    std::size_t handles = 50'000;   ///< objects, strings, arrays and classes in all
    std::size_t classes = 1'000;    ///< class descriptors
    std::size_t fields = 512;       ///< of one class without its superclasses; of all classes 32 times as many
    std::size_t array = 100'000;    ///< elements of one array, copies of a Collections.nCopies
    std::size_t big_integer = 512;  ///< bytes of a BigInteger
    std::size_t json = 1 << 20;     ///< bytes of JSON that a stream may become
    std::size_t objects = 100'000;  ///< objects written, shared ones each time: bounds the time where little is written
};

/// Why a stream was refused, and where: `offset` in bytes from its start; `class_name` of the innermost object that was being
/// read or written, at most 256 bytes without control characters (empty: none).
struct java_problem : problem {
    std::size_t offset = 0;
    std::string class_name;
};

template <class T>
using java_result = boost::system::result<T, java_problem>;

enum class java_kind : std::uint8_t {
    null,
    boolean,
    character,  ///< a UTF-16 unit
    int8,
    int16,
    int32,
    int64,
    float32,
    float64,
    string,  ///< a string; also the name of a class where the stream has the class itself
    node,    ///< an object, array or enum constant
    block,   ///< bytes that a class wrote by itself; the elements of an array of primitives
};

/// A value, or where it is: `number` of a string or block is where it begins in `bytes`, of a node its index.
struct java_value {
    java_kind kind = java_kind::null;
    std::uint32_t size = 0;  ///< bytes of a string or block
    std::int64_t number = 0;

    double real() const { return std::bit_cast<double>(number); }
    std::size_t index() const { return static_cast<std::size_t>(number); }
};

/// Entries of one of a document's tables.
struct java_range {
    std::uint32_t at = 0;
    std::uint32_t size = 0;
};

constexpr std::uint32_t no_java_class = 0xFFFFFFFF;

struct java_field {
    char type = 0;         ///< B C D F I J S Z, L (object) or [ (array)
    std::uint32_t id = 0;  ///< the same for fields of the same name
    java_value name;       ///< a string
};

/// Class descriptor flags (java.io.ObjectStreamConstants, SC_...).
enum java_flags : std::uint8_t { java_write_method = 1, java_serializable = 2, java_externalizable = 4, java_block_data = 8 };

struct java_class {
    java_value name;  ///< as Class.getName() says it
    std::uint8_t flags = 0;
    bool open = true;  ///< its superclass is still to be read
    std::uint32_t super = no_java_class;
    std::uint32_t chain = 1;  ///< classes from here to the top
    java_range fields;

    // What is the same in all objects of the class; known when the first is read.
    bool laid_out = false;
    bool hidden_known = false;
    bool plain = false;  ///< no class adds to its fields, and they are few
    java_range parts;    ///< as they would be if none did
    java_range types;    ///< of the fields of a plain object, for the parser
    java_range hidden;   ///< by position among all fields: a subclass has one of that name; empty: none is
};

/// What one class of an object's chain wrote: of the object's values, [fields, extra) are its fields, [extra, end) what its
/// writeObject or writeExternal added.
struct java_part {
    std::uint32_t type = no_java_class;
    std::uint32_t fields = 0;
    std::uint32_t extra = 0;
    std::uint32_t end = 0;
};

enum class java_shape_of : std::uint8_t { object, array, primitives, constant };

struct java_node {
    java_shape_of what = java_shape_of::object;
    std::uint32_t type = no_java_class;
    std::uint32_t offset = 0;  ///< in the stream
    java_range values;         ///< object: see parts; array: elements; primitives: one block, big endian; constant: name
    java_range parts;          ///< object: topmost class first; may be those of its class
    std::uint32_t shared = 0;  ///< 1, 2, ... for those that the stream refers to again
};

/// Flat tables: an object takes no memory of its own.
struct java_document {
    std::string bytes;  ///< the stream; then strings that are no UTF-8 as they stand there, and blocks that came in pieces
    std::vector<java_class> classes;
    std::vector<java_field> fields;
    std::vector<bool> hidden;
    std::vector<java_node> nodes;
    std::vector<java_value> values;
    std::vector<java_part> parts;
    std::uint32_t shared = 0;  ///< how many nodes are
    java_value root;

    std::string_view string(const java_value& v) const { return {bytes.data() + v.index(), v.size}; }
    std::string_view block(const java_value& v) const { return {bytes.data() + v.index(), v.size}; }
    std::string_view class_name(std::uint32_t type) const { return string(classes[type].name); }
    const java_node& node(const java_value& v) const { return nodes[v.index()]; }

    std::span<const java_field> fields_of(std::uint32_t type) const { return run(fields, classes[type].fields); }
    std::span<const java_value> values_of(const java_node& n) const { return run(values, n.values); }
    std::span<const java_part> parts_of(const java_node& n) const { return run(parts, n.parts); }
    std::span<const java_part> parts_of(std::uint32_t type) const { return run(parts, classes[type].parts); }

private:
    template <class T>
    static std::span<const T> run(const std::vector<T>& table, java_range r) {
        return {table.data() + r.at, r.size};
    }
};

/// Bytes of a primitive of this type code (see java_field); 0: it is none.
constexpr std::size_t java_width(char type) {
    switch (type) {
        case 'B':
        case 'Z': return 1;
        case 'C':
        case 'S': return 2;
        case 'F':
        case 'I': return 4;
        case 'D':
        case 'J': return 8;
        default: return 0;
    }
}

/// A primitive from its bits as they are on the wire.
inline java_value java_primitive(char type, std::uint64_t bits) {
    switch (type) {
        case 'B': return {java_kind::int8, 0, static_cast<std::int8_t>(bits)};
        case 'Z': return {java_kind::boolean, 0, bits != 0 ? 1 : 0};
        case 'C': return {java_kind::character, 0, static_cast<std::int64_t>(bits)};
        case 'S': return {java_kind::int16, 0, static_cast<std::int16_t>(bits)};
        case 'I': return {java_kind::int32, 0, static_cast<std::int32_t>(bits)};
        case 'J': return {java_kind::int64, 0, static_cast<std::int64_t>(bits)};
        case 'F':
            return {java_kind::float32, 0,
                    std::bit_cast<std::int64_t>(static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits))))};
        default: return {java_kind::float64, 0, std::bit_cast<std::int64_t>(bits)};
    }
}

/// A class name as it may stand in a log: at most 256 bytes, control characters replaced.
std::string printable_class_name(std::string_view name);

}  // namespace wsidecar::proto
