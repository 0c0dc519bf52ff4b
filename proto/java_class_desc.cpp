#include <algorithm>
#include <utility>

#include "proto/java_parser.hpp"

namespace wsidecar::proto {

bool java_parser::class_desc(std::uint32_t& to) {
    std::vector<std::uint32_t> chain;
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
                if (chain.size() >= limits_.depth) {
                    return fail("too_deep", "a class has more superclasses than the limit");
                }
                if (!new_class(chain)) {
                    return false;
                }
                break;
            case tc_proxy_class_desc: return fail("dynamic_proxy", "a dynamic proxy has no data of its own");
            default: return fail("bad_type_code", "not the beginning of a class descriptor");
        }
    }
    for (; !chain.empty(); chain.pop_back()) {
        auto& c = doc_.classes[chain.back()];
        c.super = known;
        c.chain = known == no_java_class ? 1 : doc_.classes[known].chain + 1;
        c.open = false;
        known = chain.back();
    }
    to = known;
    return known == no_java_class || doc_.classes[known].chain <= limits_.depth ||
           fail("too_deep", "a class has more superclasses than the limit");
}

bool java_parser::class_reference(std::uint32_t& to) {
    handle found;
    if (!reference(found)) {
        return false;
    }
    if (found.type == no_java_class) {
        return fail("bad_handle", "a reference to something that is no class");
    }
    if (doc_.classes[found.type].open) {
        return fail("class_cycle", "a class is named before its superclasses are known");
    }
    to = found.type;
    return true;
}

bool java_parser::new_class(std::vector<std::uint32_t>& chain) {
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
    doc_.classes.push_back(std::move(c));
    chain.push_back(type);
    current_ = type;
    if (!new_handle({}, type) || !number(1, flags) || !number(2, fields)) {
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
    std::vector<java_value> ignored;
    return annotation(ignored);
}

bool java_parser::field(std::uint32_t type) {
    std::uint64_t code = 0;
    java_field f;
    if (!number(1, code) || !short_utf(f.name)) {
        return false;
    }
    f.type = static_cast<char>(code);
    auto& fields = doc_.classes[type].fields;
    const bool object = f.type == 'L' || f.type == '[';
    if (!object && java_width(f.type) == 0) {
        return fail("bad_field", "a field of no known type");
    }
    if (!object && !fields.empty() && java_width(fields.back().type) == 0) {
        return fail("bad_field", "a primitive field after one that is an object");
    }
    f.id = field_names_.try_emplace(std::string(doc_.string(f.name)), static_cast<std::uint32_t>(field_names_.size()))
               .first->second;
    fields.push_back(f);
    java_value name;
    return !object || string_object(name);
}

void java_parser::lay_out(std::uint32_t type) {
    auto& c = doc_.classes[type];
    if (c.laid_out) {
        return;
    }
    c.laid_out = true;
    for (auto t = type; t != no_java_class; t = doc_.classes[t].super) {
        const auto& up = doc_.classes[t];
        if ((up.flags & java_serializable) != 0 && (!up.fields.empty() || (up.flags & java_write_method) != 0)) {
            c.layout.push_back(t);
        }
    }
    std::reverse(c.layout.begin(), c.layout.end());
}

void java_parser::find_hidden(std::uint32_t type) {
    auto& c = doc_.classes[type];
    if (c.hidden_known) {
        return;
    }
    c.hidden_known = true;
    std::size_t position = 0;
    last_field_.resize(field_names_.size(), {no_java_class, 0});
    for (const auto t : c.layout) {
        for (const auto& f : doc_.classes[t].fields) {
            const auto earlier = std::exchange(last_field_[f.id], {type, position});
            if (earlier.first == type) {
                c.hidden.resize(std::max(c.hidden.size(), earlier.second + 1));
                c.hidden[earlier.second] = true;
            }
            ++position;
        }
    }
    if (!c.hidden.empty()) {
        c.hidden.resize(position);
    }
}

}  // namespace wsidecar::proto
