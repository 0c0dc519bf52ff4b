#include "proto/spring/java_stream.hpp"

#include <algorithm>

#include "proto/spring/java_parser.hpp"
#include "proto/spring/java_utf.hpp"

namespace wsidecar::proto {
namespace {

constexpr std::string_view magic("\xAC\xED\x00\x05", 4);

}  // namespace

bool java_parser::whole() {
    if (in_.size() > std::min<std::size_t>(limits_.message, 0x7FFFFFFF)) {
        return fail("message_too_big", "the stream is longer than the limit");
    }
    if (!looks_like_java(in_)) {
        return fail("not_java", "a stream begins with AC ED 00 05");
    }
    take_memory();
    at_ = magic.size();
    while (at_ < in_.size() && in_[at_] == static_cast<char>(tc_reset)) {
        ++at_;  // there is nothing yet that it could reset
    }
    pending_.emplace_back();
    if (!content(pending_, 0)) {
        return false;
    }
    doc_.root = pending_[0];
    return at_ == in_.size() || fail("trailing_bytes", "more follows the one object");
}

void java_parser::take_memory() {
    doc_.bytes = in_;
    const auto some = [&](std::size_t bytes_each) { return std::min<std::size_t>(in_.size() / bytes_each + 8, 4'096); };
    doc_.classes.reserve(some(64));
    doc_.fields.reserve(some(32));
    doc_.nodes.reserve(some(20));
    doc_.parts.reserve(some(32));
    doc_.values.reserve(some(8));
    handles_.reserve(some(12));
    pending_.reserve(some(32));
}

bool java_parser::fail(const char* reason, const char* detail) {
    problem_ = {{reason, detail}, at_, {}};
    if (current_ != no_java_class) {
        problem_.class_name = printable_class_name(doc_.class_name(current_));
    }
    return false;
}

bool java_parser::other_utf(std::uint64_t length, java_value& to) {
    const auto text = in_.substr(at_, length);
    auto begin = at_;
    auto size = text.size();
    if (!is_plain_java_utf(text)) {
        begin = doc_.bytes.size();
        if (!append_java_utf(doc_.bytes, text)) {
            return fail("bad_utf", "a string is no modified UTF-8");
        }
        size = doc_.bytes.size() - begin;
    }
    at_ += length;
    to = {java_kind::string, static_cast<std::uint32_t>(size), static_cast<std::int64_t>(begin)};
    return true;
}

bool java_parser::block(std::uint64_t length, java_value& to) {
    if (!has(length)) {
        return false;
    }
    if (to.kind != java_kind::block) {
        to = {java_kind::block, 0, static_cast<std::int64_t>(at_)};
    } else if (to.index() + to.size == doc_.bytes.size()) {
        doc_.bytes += in_.substr(at_, length);
    } else {
        const auto begin = doc_.bytes.size();
        doc_.bytes.append(doc_.bytes, to.index(), to.size).append(in_, at_, length);
        to.number = static_cast<std::int64_t>(begin);
    }
    at_ += length;
    to.size += static_cast<std::uint32_t>(length);
    return true;
}

bool java_parser::content(values& to, std::size_t at) {
    std::uint64_t code = 0;
    if (!number(1, code)) {
        return false;
    }
    switch (code) {
        case tc_null: to[at] = {}; return true;
        case tc_reference: {
            const java_value* found = nullptr;
            if (!reference(found)) {
                return false;
            }
            to[at] = is_class(*found) ? doc_.classes[found->index()].name : *found;
            if (found->kind == java_kind::node && doc_.node(*found).shared == 0) {
                doc_.nodes[found->index()].shared = ++doc_.shared;
            }
            return true;
        }
        case tc_string:
        case tc_long_string: return new_string(code, to[at]);
        case tc_class_desc:
        case tc_proxy_class_desc:
        case tc_object:
        case tc_array:
        case tc_class:
        case tc_enum: return nested(code, to, at);
        case tc_exception: return fail("exception", "the writer failed: the stream has its exception");
        default: return fail("bad_type_code", "not the beginning of an object");
    }
}

bool java_parser::string_object(java_value& to) {
    std::uint64_t code = 0;
    if (!number(1, code)) {
        return false;
    }
    if (code == tc_reference) {
        const java_value* found = nullptr;
        if (!reference(found)) {
            return false;
        }
        to = *found;
        return to.kind == java_kind::string || fail("bad_handle", "a reference to something that is no string");
    }
    if (code != tc_string && code != tc_long_string) {
        return fail("bad_type_code", "a string is missing");
    }
    return new_string(code, to);
}

bool java_parser::nested(std::uint64_t code, values& to, std::size_t at) {
    if (depth_ >= limits_.depth) {
        return fail("too_deep", "objects are nested deeper than the limit");
    }
    const auto outer = current_;
    ++depth_;
    const auto offset = at_ - 1;
    if (code == tc_class_desc || code == tc_proxy_class_desc) {
        --at_;
    }
    std::uint32_t type = no_java_class;
    if (at_ < in_.size() && in_[at_] == tc_reference) {  // as it is nearly always
        ++at_;
        if (!class_reference(type)) {
            return false;
        }
    } else if (!class_desc(type)) {
        return false;
    }
    if (type == no_java_class) {
        return fail("bad_class", "an object without a class");
    }
    current_ = type;
    to[at] = {java_kind::node, 0, static_cast<std::int64_t>(doc_.nodes.size())};
    bool read = true;
    switch (code) {
        case tc_object: read = object(type, offset); break;
        case tc_array: read = array(type, offset); break;
        case tc_enum: read = constant(type, offset); break;
        default:  // a descriptor as an object has its handle
            to[at] = doc_.classes[type].name;
            read = code != tc_class || new_handle(to[at]);
    }
    --depth_;
    current_ = outer;
    return read;
}

bool java_parser::take_pending(std::size_t node, std::size_t begin) {
    doc_.nodes[node].values = {static_cast<std::uint32_t>(doc_.values.size()),
                               static_cast<std::uint32_t>(pending_.size() - begin)};
    for (auto i = begin; i < pending_.size(); ++i) {  // few mostly
        doc_.values.push_back(pending_[i]);
    }
    pending_.resize(begin);
    return true;
}

bool java_parser::annotation() {
    const auto begin = pending_.size();
    while (true) {
        if (!has(1)) {
            return false;
        }
        const auto code = static_cast<std::uint8_t>(in_[at_]);
        if (code == tc_end_block_data) {
            ++at_;
            return true;
        }
        if (code != tc_block_data && code != tc_block_data_long) {
            pending_.emplace_back();
            if (!content(pending_, pending_.size() - 1)) {
                return false;
            }
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
        if (pending_.size() == begin || pending_.back().kind != java_kind::block) {
            pending_.emplace_back();
        }
        if (!block(length, pending_.back())) {
            return false;
        }
    }
}

bool java_parser::object(std::uint32_t type, std::size_t offset) {
    if (!doc_.classes[type].laid_out && !lay_out(type)) {
        return false;
    }
    const auto node = doc_.nodes.size();
    if (!new_node(java_shape_of::object, type, offset)) {
        return false;
    }
    const auto& c = doc_.classes[type];
    if (!c.plain) {
        return (c.flags & java_externalizable) != 0 ? external_data(type, node) : class_data(type, node);
    }
    const auto types = c.types;
    const auto begin = doc_.values.size();
    doc_.nodes[node].parts = c.parts;
    doc_.nodes[node].values = {static_cast<std::uint32_t>(begin), types.size};
    for (std::uint32_t i = 0; i < types.size; ++i) {
        doc_.values.emplace_back();
    }
    for (std::uint32_t i = 0; i < types.size; ++i) {
        if (!field_value(types_[types.at + i], doc_.values, begin + i)) {
            return false;
        }
    }
    return true;
}

bool java_parser::external_data(std::uint32_t type, std::size_t node) {
    if ((doc_.classes[type].flags & java_block_data) == 0) {
        return fail("old_protocol", "an Externalizable without block data can't be read without its class");
    }
    const auto begin = pending_.size();
    if (!annotation()) {
        return false;
    }
    doc_.nodes[node].parts = {static_cast<std::uint32_t>(doc_.parts.size()), 1};
    doc_.parts.push_back({type, 0, 0, static_cast<std::uint32_t>(pending_.size() - begin)});
    return take_pending(node, begin);
}

/// A writeObject() that does not begin with its fields writes a block, or nothing. Where the first field is a number, a whole block that ends where
/// something else begins is taken for one: numbers that look so are rarer than such classes, and their block must not be sent as numbers.
bool java_parser::block_instead_of(char first_field) const {
    const auto code = [this](std::size_t at) -> std::size_t {
        return at < in_.size() ? static_cast<std::uint8_t>(in_[at]) : 0;
    };
    if (java_width(first_field) == 0) {
        return code(at_) == tc_block_data || code(at_) == tc_block_data_long || code(at_) == tc_end_block_data;
    }
    const auto behind = code(at_ + 2 + code(at_ + 1));
    return code(at_) == tc_block_data && behind >= tc_null && behind <= tc_enum;
}

bool java_parser::class_data(std::uint32_t type, std::size_t node) {
    const auto [first, count] = doc_.classes[type].parts;
    const auto begin = pending_.size();
    const auto seen = [&] { return static_cast<std::uint32_t>(pending_.size() - begin); };
    const auto parts = doc_.parts.size();
    doc_.nodes[node].parts = {static_cast<std::uint32_t>(parts), count};
    for (std::uint32_t i = 0; i < count; ++i) {
        doc_.parts.push_back({doc_.parts[first + i].type, 0, 0, 0});
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        auto part = doc_.parts[parts + i];
        part.fields = seen();
        const auto& c = doc_.classes[part.type];
        const auto flags = c.flags;
        const auto fields = c.fields;  // copies: what the object refers to may bring more classes
        if ((flags & java_write_method) != 0 && fields.size > 0 && block_instead_of(doc_.fields[fields.at].type)) {
            return fail("written_by_class", "only its class can read what its writeObject() wrote instead of its fields");
        }
        for (std::uint32_t f = 0; f < fields.size; ++f) {
            pending_.emplace_back();
            if (!field_value(doc_.fields[fields.at + f].type, pending_, pending_.size() - 1)) {
                return false;
            }
        }
        part.extra = seen();
        if ((flags & java_write_method) != 0 && !annotation()) {
            return false;
        }
        part.end = seen();
        doc_.parts[parts + i] = part;
    }
    find_hidden(type);
    return take_pending(node, begin);
}

bool java_parser::array(std::uint32_t type, std::size_t offset) {
    const auto name = doc_.class_name(type);
    const char element = name.size() >= 2 && name[0] == '[' ? name[1] : '\0';
    const auto width = java_width(element);
    if (width == 0 && element != 'L' && element != '[') {
        return fail("bad_class", "an array whose class is none");
    }
    std::uint64_t n = 0;
    const auto node = doc_.nodes.size();
    if (!new_node(width == 0 ? java_shape_of::array : java_shape_of::primitives, type, offset) || !number(4, n)) {
        return false;
    }
    if (n > 0x7FFFFFFF) {
        return fail("bad_length", "an array of negative length");
    }
    if (n > limits_.array) {
        return fail("array_too_long", "an array is longer than the limit");
    }
    const auto begin = pending_.size();
    if (width != 0) {
        return block(n * width, pending_.emplace_back()) && take_pending(node, begin);
    }
    if (!has(n)) {  // an element has one byte at least; memory is taken as they come
        return false;
    }
    for (; n > 0; --n) {
        pending_.emplace_back();
        if (!content(pending_, pending_.size() - 1)) {
            return false;
        }
    }
    return take_pending(node, begin);
}

bool java_parser::constant(std::uint32_t type, std::size_t offset) {
    const auto node = doc_.nodes.size();
    java_value name;
    if (!new_node(java_shape_of::constant, type, offset) || !string_object(name)) {
        return false;
    }
    doc_.nodes[node].values = {static_cast<std::uint32_t>(doc_.values.size()), 1};
    doc_.values.push_back(name);
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
