#include "proto/java_stream.hpp"

#include <algorithm>

#include "proto/java_parser.hpp"
#include "proto/java_utf.hpp"

namespace wsidecar::proto {
namespace {

constexpr std::string_view magic("\xAC\xED\x00\x05", 4);
constexpr std::uint32_t first_handle = 0x7E0000;

}  // namespace

bool java_parser::whole() {
    if (in_.size() > std::min<std::size_t>(limits_.message, 0x7FFFFFFF)) {
        return fail("message_too_big", "the stream is longer than the limit");
    }
    if (!looks_like_java(in_)) {
        return fail("not_java", "a stream begins with AC ED 00 05");
    }
    at_ = magic.size();
    while (at_ < in_.size() && in_[at_] == static_cast<char>(tc_reset)) {
        ++at_;  // there is nothing yet that it could reset
    }
    return content(doc_.root) && (at_ == in_.size() || fail("trailing_bytes", "more follows the one object"));
}

bool java_parser::fail(const char* reason, const char* detail) {
    problem_ = {{reason, detail}, at_, {}};
    if (current_ != no_java_class) {
        problem_.class_name = printable_class_name(doc_.class_name(current_));
    }
    return false;
}

bool java_parser::number(std::size_t bytes, std::uint64_t& to) {
    if (!has(bytes)) {
        return false;
    }
    to = 0;
    for (const char c : in_.substr(at_, bytes)) {
        to = to << 8U | static_cast<unsigned char>(c);
    }
    at_ += bytes;
    return true;
}

bool java_parser::utf(std::uint64_t length, java_value& to) {
    if (!has(length)) {
        return false;
    }
    const auto begin = doc_.text.size();
    if (!append_java_utf(doc_.text, in_.substr(at_, length))) {
        return fail("bad_utf", "a string is no modified UTF-8");
    }
    at_ += length;
    to = {java_kind::string, static_cast<std::uint32_t>(doc_.text.size() - begin), static_cast<std::int64_t>(begin)};
    return true;
}

bool java_parser::short_utf(java_value& to) {
    std::uint64_t length = 0;
    return number(2, length) && utf(length, to);
}

bool java_parser::block(std::uint64_t length, java_value& to) {
    if (!has(length)) {
        return false;
    }
    if (to.kind != java_kind::block) {
        to = {java_kind::block, 0, static_cast<std::int64_t>(doc_.bytes.size())};
    }
    doc_.bytes += in_.substr(at_, length);
    at_ += length;
    to.size += static_cast<std::uint32_t>(length);
    return true;
}

bool java_parser::new_handle(const java_value& value, std::uint32_t type) {
    if (handles_.size() >= limits_.handles) {
        return fail("too_many_handles", "the stream has more objects than the limit");
    }
    handles_.push_back({value, type});
    return true;
}

bool java_parser::reference(handle& to) {
    std::uint64_t n = 0;
    if (!number(4, n)) {
        return false;
    }
    if (n < first_handle || n - first_handle >= handles_.size()) {
        return fail("bad_handle", "a reference to nothing that came before");
    }
    to = handles_[n - first_handle];
    return true;
}

bool java_parser::content(java_value& to) {
    std::uint64_t code = 0;
    if (!number(1, code)) {
        return false;
    }
    switch (code) {
        case tc_null: to = {}; return true;
        case tc_reference: {
            handle found;
            if (!reference(found)) {
                return false;
            }
            to = found.type == no_java_class ? found.value : doc_.classes[found.type].name;
            return true;
        }
        case tc_string:
        case tc_long_string: return new_string(code, to);
        case tc_class_desc:
        case tc_proxy_class_desc:
        case tc_object:
        case tc_array:
        case tc_class:
        case tc_enum: return nested(code, to);
        case tc_exception: return fail("exception", "the writer failed: the stream has its exception");
        default: return fail("bad_type_code", "not the beginning of an object");
    }
}

bool java_parser::new_string(std::uint64_t code, java_value& to) {
    std::uint64_t length = 0;
    return number(code == tc_string ? 2 : 8, length) && utf(length, to) && new_handle(to);
}

bool java_parser::string_object(java_value& to) {
    std::uint64_t code = 0;
    if (!number(1, code)) {
        return false;
    }
    if (code == tc_reference) {
        handle found;
        to = {};
        if (!reference(found)) {
            return false;
        }
        to = found.value;
        return to.kind == java_kind::string || fail("bad_handle", "a reference to something that is no string");
    }
    if (code != tc_string && code != tc_long_string) {
        return fail("bad_type_code", "a string is missing");
    }
    return new_string(code, to);
}

bool java_parser::nested(std::uint64_t code, java_value& to) {
    if (depth_ >= limits_.depth) {
        return fail("too_deep", "objects are nested deeper than the limit");
    }
    const auto outer = current_;
    ++depth_;
    if (!nested_body(code, to)) {
        return false;
    }
    --depth_;
    current_ = outer;
    return true;
}

bool java_parser::nested_body(std::uint64_t code, java_value& to) {
    const auto offset = at_ - 1;
    if (code == tc_class_desc || code == tc_proxy_class_desc) {
        --at_;
    }
    std::uint32_t type = no_java_class;
    if (!class_desc(type)) {
        return false;
    }
    if (type == no_java_class) {
        return fail("bad_class", "an object without a class");
    }
    current_ = type;
    switch (code) {
        case tc_object: return object(type, offset, to);
        case tc_array: return array(type, offset, to);
        case tc_enum: return constant(type, offset, to);
        case tc_class: to = doc_.classes[type].name; return new_handle(to);
        default: to = doc_.classes[type].name; return true;  // a descriptor as an object: it has its handle
    }
}

bool java_parser::new_node(java_shape_of what, std::uint32_t type, std::size_t offset, java_value& to) {
    to = {java_kind::node, 0, static_cast<std::int64_t>(doc_.nodes.size())};
    doc_.nodes.push_back({what, type, offset, {}, {}});
    return new_handle(to);
}

bool java_parser::annotation(std::vector<java_value>& to) {
    const auto begin = to.size();
    while (true) {
        if (!has(1)) {
            return false;
        }
        const auto code = static_cast<std::uint8_t>(in_[at_]);
        if (code == tc_end_block_data) {
            ++at_;
            return true;
        }
        java_value next;
        if (code != tc_block_data && code != tc_block_data_long) {
            if (!content(next)) {
                return false;
            }
            to.push_back(next);
            continue;
        }
        ++at_;
        std::uint64_t length = 0;
        if (!number(code == tc_block_data ? 1 : 4, length)) {
            return false;
        }
        if (length > 0x7FFFFFFF) {
            return fail("bad_length", "a block of negative length");
        }
        if (to.size() == begin || to.back().kind != java_kind::block) {
            to.emplace_back();
        }
        if (!block(length, to.back())) {
            return false;
        }
    }
}

bool java_parser::object(std::uint32_t type, std::size_t offset, java_value& to) {
    const auto flags = doc_.classes[type].flags;
    if ((flags & (java_serializable | java_externalizable)) == 0) {
        return fail("bad_class", "an object whose class is not serializable");
    }
    if (!new_node(java_shape_of::object, type, offset, to)) {
        return false;
    }
    java_node made;  // read aside: `nodes` grows meanwhile
    if ((flags & java_externalizable) != 0) {
        if ((flags & java_block_data) == 0) {
            return fail("old_protocol", "an Externalizable without block data can't be read without its class");
        }
        if (!annotation(made.values)) {
            return false;
        }
        made.parts.push_back({type, 0, 0, static_cast<std::uint32_t>(made.values.size())});
    } else if (!class_data(type, made)) {
        return false;
    }
    auto& n = doc_.nodes[to.index()];
    n.values = std::move(made.values);
    n.parts = std::move(made.parts);
    return true;
}

bool java_parser::class_data(std::uint32_t type, java_node& made) {
    lay_out(type);
    for (std::size_t i = 0; i < doc_.classes[type].layout.size(); ++i) {
        java_part part;
        part.type = doc_.classes[type].layout[i];
        part.fields = static_cast<std::uint32_t>(made.values.size());
        const auto fields = doc_.classes[part.type].fields.size();
        for (std::size_t f = 0; f < fields; ++f) {
            if (!field_value(doc_.classes[part.type].fields[f].type, made.values.emplace_back())) {
                return false;
            }
        }
        part.extra = static_cast<std::uint32_t>(made.values.size());
        if ((doc_.classes[part.type].flags & java_write_method) != 0 && !annotation(made.values)) {
            return false;
        }
        part.end = static_cast<std::uint32_t>(made.values.size());
        made.parts.push_back(part);
    }
    find_hidden(type);
    return true;
}

bool java_parser::field_value(char type, java_value& to) {
    const auto width = java_width(type);
    java_value value;  // `to` stands in a vector that nothing below changes, but a nested object may
    if (width == 0) {
        if (!content(value)) {
            return false;
        }
    } else {
        std::uint64_t bits = 0;
        if (!number(width, bits)) {
            return false;
        }
        value = java_primitive(type, bits);
    }
    to = value;
    return true;
}

bool java_parser::array(std::uint32_t type, std::size_t offset, java_value& to) {
    const auto name = doc_.class_name(type);
    const char element = name.size() >= 2 && name[0] == '[' ? name[1] : '\0';
    const auto width = java_width(element);
    if (width == 0 && element != 'L' && element != '[') {
        return fail("bad_class", "an array whose class is none");
    }
    std::uint64_t n = 0;
    if (!new_node(width == 0 ? java_shape_of::array : java_shape_of::primitives, type, offset, to) || !number(4, n)) {
        return false;
    }
    if (n > 0x7FFFFFFF) {
        return fail("bad_length", "an array of negative length");
    }
    if (n > limits_.array) {
        return fail("array_too_long", "an array is longer than the limit");
    }
    std::vector<java_value> values;
    if (width != 0) {
        if (!block(n * width, values.emplace_back())) {
            return false;
        }
    } else if (!has(n)) {  // an element has one byte at least; memory is taken as they come
        return false;
    }
    for (; width == 0 && n > 0; --n) {
        java_value element_value;
        if (!content(element_value)) {
            return false;
        }
        values.push_back(element_value);
    }
    doc_.nodes[to.index()].values = std::move(values);
    return true;
}

bool java_parser::constant(std::uint32_t type, std::size_t offset, java_value& to) {
    java_value name;
    if (!new_node(java_shape_of::constant, type, offset, to) || !string_object(name)) {
        return false;
    }
    doc_.nodes[to.index()].values.push_back(name);
    return true;
}

bool looks_like_java(std::string_view bytes) {
    return bytes.starts_with(magic);
}

java_result<java_document> parse_java(std::string_view stream, const java_limits& limits) {
    return java_parser(stream, limits).run();
}

std::string write_java_string(std::string_view utf8) {
    const auto text = to_java_utf(utf8);
    std::string out(magic);
    const bool big = text.size() > 0xFFFF;
    out += static_cast<char>(big ? tc_long_string : tc_string);
    for (int shift = big ? 56 : 8; shift >= 0; shift -= 8) {
        out += static_cast<char>(static_cast<std::uint64_t>(text.size()) >> static_cast<unsigned>(shift) & 0xFFU);
    }
    return out + text;
}

}  // namespace wsidecar::proto
