#include <algorithm>
#include <utility>

#include "proto/spring/java_parser.hpp"

namespace wsidecar::proto {

bool java_parser::class_desc(std::uint32_t& to) {
    const auto begin = chain_.size();
    std::uint32_t known = no_java_class;
    for (bool more = true; more;) {
        std::uint64_t code = 0;
        if (!number(1, code)) {
            return false;
        }
        switch (code) {
            case tc_null: more = false; break;
            case tc_reference:
                if (!class_reference(known)) {
                    return false;
                }
                more = false;
                break;
            case tc_class_desc:
                if (chain_.size() - begin >= limits_.depth) {
                    return fail("too_deep", "a class has more superclasses than the limit");
                }
                if (!new_class()) {
                    return false;
                }
                break;
            case tc_proxy_class_desc: return fail("dynamic_proxy", "a dynamic proxy has no data of its own");
            default: return fail("bad_type_code", "not the beginning of a class descriptor");
        }
    }
    for (; chain_.size() > begin; chain_.pop_back()) {
        auto& c = doc_.classes[chain_.back()];
        c.super = known;
        c.chain = known == no_java_class ? 1 : doc_.classes[known].chain + 1;
        c.open = false;
        known = chain_.back();
    }
    to = known;
    return known == no_java_class || doc_.classes[known].chain <= limits_.depth ||
           fail("too_deep", "a class has more superclasses than the limit");
}

bool java_parser::new_class() {
    if (doc_.classes.size() >= limits_.classes) {
        return fail("too_many_classes", "the stream has more classes than the limit");
    }
    java_class c;
    std::uint64_t suid = 0;
    std::uint64_t flags = 0;
    std::uint64_t fields = 0;
    if (!short_utf(c.name) || !number(8, suid)) {
        return false;
    }
    const auto type = static_cast<std::uint32_t>(doc_.classes.size());
    c.fields.at = static_cast<std::uint32_t>(doc_.fields.size());
    doc_.classes.push_back(c);
    chain_.push_back(type);
    current_ = type;
    if (!new_handle(class_handle(type)) || !number(1, flags) || !number(2, fields)) {
        return false;
    }
    doc_.classes[type].flags = static_cast<std::uint8_t>(flags);
    if ((flags & java_serializable) != 0 && (flags & java_externalizable) != 0) {
        return fail("bad_class", "a class is both Serializable and Externalizable");
    }
    fields_ += fields;
    if (fields > limits_.fields || fields_ / 32 > limits_.fields) {
        return fail("too_many_fields", "the classes have more fields than the limit");
    }
    for (; fields > 0; --fields) {
        if (!field(type)) {
            return false;
        }
    }
    const auto before = pending_.size();
    const bool read = annotation();
    pending_.resize(before);
    return read;
}

bool java_parser::field(std::uint32_t type) {
    std::uint64_t code = 0;
    java_field f;
    if (!number(1, code) || !short_utf(f.name)) {
        return false;
    }
    f.type = static_cast<char>(code);
    auto& count = doc_.classes[type].fields.size;
    const bool object = f.type == 'L' || f.type == '[';
    if (!object && java_width(f.type) == 0) {
        return fail("bad_field", "a field of no known type");
    }
    if (!object && count > 0 && java_width(doc_.fields.back().type) == 0) {
        return fail("bad_field", "a primitive field after one that is an object");
    }
    f.id = field_names_.try_emplace(f.name, static_cast<std::uint32_t>(field_names_.size())).first->second;
    doc_.fields.push_back(f);
    ++count;
    java_value name;
    return !object || string_object(name);
}

bool java_parser::lay_out(std::uint32_t type) {
    auto& c = doc_.classes[type];
    if ((c.flags & (java_serializable | java_externalizable)) == 0) {
        return fail("bad_class", "an object whose class is not serializable");
    }
    c.laid_out = true;
    if ((c.flags & java_externalizable) != 0) {
        return true;
    }
    c.plain = true;
    c.parts.at = static_cast<std::uint32_t>(doc_.parts.size());
    for (auto t = type; t != no_java_class; t = doc_.classes[t].super) {
        const auto& up = doc_.classes[t];
        const bool writes = (up.flags & java_write_method) != 0;
        if ((up.flags & java_serializable) != 0 && (up.fields.size > 0 || writes)) {
            doc_.parts.push_back({t, 0, 0, 0});
            c.plain = c.plain && !writes;
        }
    }
    c.parts.size = static_cast<std::uint32_t>(doc_.parts.size()) - c.parts.at;
    std::reverse(doc_.parts.begin() + c.parts.at, doc_.parts.end());

    std::uint32_t fields = 0;
    for (auto i = c.parts.at; i < doc_.parts.size(); ++i) {
        auto& part = doc_.parts[i];
        part.fields = fields;
        part.extra = part.end = fields += doc_.classes[part.type].fields.size;
    }
    c.plain = c.plain && fields <= most_plain_fields;
    if (c.plain) {
        c.types.at = static_cast<std::uint32_t>(types_.size());
        c.types.size = fields;
        for (const auto& part : doc_.parts_of(type)) {
            for (const auto& f : doc_.fields_of(part.type)) {
                types_ += f.type;
            }
        }
        find_hidden(type);
    }
    return true;
}

void java_parser::find_hidden(std::uint32_t type) {
    auto& c = doc_.classes[type];
    if (c.hidden_known) {
        return;
    }
    c.hidden_known = true;
    const auto begin = doc_.hidden.size();
    std::size_t position = 0;
    last_field_.resize(field_names_.size(), {no_java_class, 0});
    for (const auto& part : doc_.parts_of(type)) {
        for (const auto& f : doc_.fields_of(part.type)) {
            const auto earlier = std::exchange(last_field_[f.id], {type, position});
            if (earlier.first == type) {
                doc_.hidden.resize(std::max(doc_.hidden.size(), begin + earlier.second + 1));
                doc_.hidden[begin + earlier.second] = true;
            }
            ++position;
        }
    }
    if (doc_.hidden.size() > begin) {
        doc_.hidden.resize(begin + position);
        c.hidden = {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(position)};
    }
}

}  // namespace wsidecar::proto
