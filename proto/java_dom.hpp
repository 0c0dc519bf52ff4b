#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/result.hpp"

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

/// A value, or where it is: `number` of a string or block is where it begins in `text` or `bytes`, of a node its index.
struct java_value {
    java_kind kind = java_kind::null;
    std::uint32_t size = 0;  ///< bytes of a string or block
    std::int64_t number = 0;

    double real() const { return std::bit_cast<double>(number); }
    std::size_t index() const { return static_cast<std::size_t>(number); }
};

constexpr std::uint32_t no_java_class = 0xFFFFFFFF;

struct java_field {
    char type = 0;         ///< B C D F I J S Z, L (object) or [ (array)
    java_value name;       ///< a string
    std::uint32_t id = 0;  ///< the same for fields of the same name
};

/// Class descriptor flags (java.io.ObjectStreamConstants, SC_...).
enum java_flags : std::uint8_t { java_write_method = 1, java_serializable = 2, java_externalizable = 4, java_block_data = 8 };

struct java_class {
    java_value name;  ///< as Class.getName() says it
    std::uint8_t flags = 0;
    bool open = true;  ///< its superclass is still to be read
    std::uint32_t super = no_java_class;
    std::uint32_t chain = 1;  ///< classes from here to the top
    std::vector<java_field> fields;
    std::vector<std::uint32_t> layout;  ///< the classes that have data in an object of this class, topmost first
    std::vector<bool> hidden;           ///< by position among all fields: a subclass has one of that name; empty: none is
    bool laid_out = false;              ///< `layout` is known
    bool hidden_known = false;          ///< `hidden` is known
};

/// What one class of an object's chain wrote: values [fields, extra) are its fields, [extra, end) what its writeObject or
/// writeExternal added.
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
    std::size_t offset = 0;          ///< in the stream
    std::vector<java_value> values;  ///< object: see parts; array: elements; primitives: one block, big endian; constant: name
    std::vector<java_part> parts;    ///< object: topmost class first
};

struct java_document {
    std::vector<java_class> classes;
    std::vector<java_node> nodes;
    std::string text;   ///< all strings, UTF-8
    std::string bytes;  ///< all blocks
    java_value root;

    std::string_view string(const java_value& v) const { return std::string_view(text).substr(v.index(), v.size); }
    std::string_view block(const java_value& v) const { return std::string_view(bytes).substr(v.index(), v.size); }
    std::string_view class_name(std::uint32_t type) const { return string(classes[type].name); }
    const java_node& node(const java_value& v) const { return nodes[v.index()]; }
};

/// Bytes of a primitive of this type code (see java_field); 0: it is none.
std::size_t java_width(char type);

/// A primitive from its bits as they are on the wire.
java_value java_primitive(char type, std::uint64_t bits);

/// A class name as it may stand in a log: at most 256 bytes, control characters replaced.
std::string printable_class_name(std::string_view name);

}  // namespace wsidecar::proto
