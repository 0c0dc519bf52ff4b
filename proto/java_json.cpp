#include "proto/java_json.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "proto/base64.hpp"
#include "proto/java_known.hpp"
#include "proto/java_number.hpp"
#include "proto/java_stream.hpp"
#include "proto/java_time.hpp"
#include "proto/java_utf.hpp"
#include "proto/json_scan.hpp"

namespace wsidecar::proto {
namespace {

/// One value of an array of primitives.
java_value element_of(char type, std::string_view bytes) {
    std::uint64_t bits = 0;
    for (const char c : bytes) {
        bits = bits << 8U | static_cast<unsigned char>(c);
    }
    return java_primitive(type, bits);
}

/// After the first failure all return false.
class writer {
public:
    writer(const java_document& document, const java_json_options& options, const java_limits& limits)
        : doc_(document), options_(options), limits_(limits), open_(document.nodes.size()), known_(document.classes.size()) {}

    java_result<std::string> run() {
        if (value(doc_.root)) {
            return std::move(out_);
        }
        return std::move(problem_);
    }

private:
    struct known_class {
        bool asked = false;
        const java_known* known = nullptr;
    };

    bool fail(const problem& p, const java_node* node = nullptr) {
        problem_ = {p, 0, {}};
        if (node == nullptr && !path_.empty()) {
            node = path_.back();
        }
        if (node != nullptr) {
            problem_.offset = node->offset;
            problem_.class_name = printable_class_name(doc_.class_name(node->type));
        }
        return false;
    }

    bool fits(std::size_t more = 0) {
        return out_.size() + more <= limits_.json || fail({"json_too_big", "the JSON would be longer than the limit"});
    }

    /// Counts work that writes nothing, in objects.
    bool charge(std::size_t n) {
        if (n > limits_.objects - work_) {
            return fail({"too_many_objects", "more objects would be written than the limit"});
        }
        work_ += n;
        return true;
    }

    bool token(std::string_view text) {
        out_ += text;
        return fits();
    }

    bool quoted(std::string_view text) {
        if (!fits(text.size())) {
            return false;
        }
        json_quote(out_, text);
        return fits();
    }

    bool whole_number(std::int64_t n) {
        std::array<char, 24> digits;
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr;
        return token({digits.data(), static_cast<std::size_t>(end - digits.data())});
    }

    bool real_number(double v, bool is_float) {
        if (!std::isfinite(v)) {
            return quoted(std::isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity");
        }
        return token(is_float ? java_float_text(static_cast<float>(v)) : java_double_text(v));
    }

    bool value(const java_value& v) {
        switch (v.kind) {
            case java_kind::boolean: return token(v.number != 0 ? "true" : "false");
            case java_kind::character: return character(v);
            case java_kind::int8:
            case java_kind::int16:
            case java_kind::int32: return whole_number(v.number);
            case java_kind::int64:
                return options_.longs == java_longs::string ? quoted(std::to_string(v.number)) : whole_number(v.number);
            case java_kind::float32: return real_number(v.real(), true);
            case java_kind::float64: return real_number(v.real(), false);
            case java_kind::string: return quoted(doc_.string(v));
            case java_kind::node: return open_[v.index()] ? token("null") : node(v);
            case java_kind::null:
            case java_kind::block: break;  // no block stands where a value does
        }
        return token("null");
    }

    bool character(const java_value& v) {
        const char unit[] = {static_cast<char>(v.number >> 8), static_cast<char>(v.number & 0xFF)};
        std::string text;
        append_utf16(text, {unit, 2});
        return quoted(text);
    }

    bool node(const java_value& v) {
        const auto& n = doc_.node(v);
        if (path_.size() >= limits_.depth) {
            return fail({"too_deep", "objects are nested deeper than the limit"}, &n);
        }
        if (!charge(1)) {
            return false;
        }
        open_[v.index()] = true;
        path_.push_back(&n);
        if (!node_body(n)) {
            return false;
        }
        path_.pop_back();
        open_[v.index()] = false;
        return true;
    }

    bool node_body(const java_node& n) {
        switch (n.what) {
            case java_shape_of::array: return list(n.values, {});
            case java_shape_of::primitives: return primitives(n);
            case java_shape_of::constant: return !n.values.empty() ? value(n.values[0]) : token("null");
            case java_shape_of::object: break;
        }
        const auto* known = known_for(n);
        if (known == nullptr) {
            return fields(n);
        }
        auto s = shape(*known, n);
        return s && shaped(*s);
    }

    const java_known* known_for(const java_node& n) {
        auto& k = known_[n.type];
        if (!k.asked) {
            k = {true, find_java_known(doc_, n.type)};
        }
        return k.known;
    }

    /// Looking for fields and making decimals takes time, whatever comes out.
    std::optional<java_shape> shape(const java_known& known, const java_node& n) {
        auto s = read_java_known(known, doc_, n, limits_);
        if (!s) {
            fail(s.error(), &n);
            return std::nullopt;
        }
        const auto work = n.parts.size() / 8 + n.values.size() / 16 + (s->text.size() / 48) * (s->text.size() / 48);
        if (!charge(work)) {
            return std::nullopt;
        }
        return std::move(*s);
    }

    bool shaped(const java_shape& s) {
        switch (s.form) {
            case java_form::token: return token(s.text);
            case java_form::digits: return options_.longs == java_longs::string ? quoted(s.text) : token(s.text);
            case java_form::text: return quoted(s.text);
            case java_form::date:
                return options_.dates == java_dates::iso ? quoted(java_date_text(s.number)) : whole_number(s.number);
            case java_form::value: return value(s.first[0]);
            case java_form::list: return list(s.first, s.second);
            case java_form::map: return map(s.first);
            case java_form::zip: return zip(s.first, s.second);
            case java_form::keys: return keys(s.first[0]);
            case java_form::copies: return copies(s.first[0], s.number);
        }
        return false;
    }

    /// A comma, but not at the first place.
    bool comma(bool& first) { return std::exchange(first, false) || token(","); }

    bool list(std::span<const java_value> values, std::span<const java_value> more) {
        bool first = true;
        out_ += '[';
        for (const auto part : {values, more}) {
            for (const auto& v : part) {
                if (v.kind != java_kind::block && (!comma(first) || !value(v))) {
                    return false;
                }
            }
        }
        return token("]");
    }

    bool copies(const java_value& v, std::int64_t n) {
        bool first = true;
        out_ += '[';
        for (; n > 0; --n) {
            if (!comma(first) || !value(v)) {
                return false;
            }
        }
        return token("]");
    }

    bool primitives(const java_node& n) {
        const auto type = doc_.class_name(n.type)[1];
        const auto bytes = n.values.empty() ? std::string_view() : doc_.block(n.values[0]);
        if (type == 'B') {
            return fits(bytes.size()) && quoted(base64_encode(bytes));
        }
        if (type == 'C') {
            std::string text;
            append_utf16(text, bytes);
            return quoted(text);
        }
        const auto width = java_width(type);
        bool first = true;
        out_ += '[';
        for (std::size_t at = 0; at < bytes.size(); at += width) {
            if (!comma(first) || !value(element_of(type, bytes.substr(at, width)))) {
                return false;
            }
        }
        return token("]");
    }

    bool fields(const java_node& n) {
        const auto& hidden = doc_.classes[n.type].hidden;
        std::size_t position = 0;
        bool first = true;
        out_ += '{';
        for (const auto& part : n.parts) {
            const auto& names = doc_.classes[part.type].fields;
            for (std::size_t i = 0; part.fields + i < part.extra; ++i, ++position) {
                if (!hidden.empty() && hidden[position]) {
                    continue;
                }
                if (!comma(first) || !quoted(doc_.string(names[i].name)) || !token(":") || !value(n.values[part.fields + i])) {
                    return false;
                }
            }
        }
        return charge(position / 16) && token("}");
    }

    /// What is no string becomes one.
    bool key(const java_value& v) {
        const auto begin = out_.size();
        if (!value(v)) {
            return false;
        }
        if (out_[begin] != '"') {
            const auto text = out_.substr(begin);
            out_.resize(begin);
            return charge(text.size() / 64) && quoted(text) && token(":");
        }
        return token(":");
    }

    bool map(std::span<const java_value> pairs) {
        bool first = true;
        const java_value* waiting = nullptr;
        out_ += '{';
        for (const auto& v : pairs) {
            if (v.kind == java_kind::block) {
                continue;
            }
            if (waiting == nullptr) {
                waiting = &v;
            } else if (!comma(first) || !key(*std::exchange(waiting, nullptr)) || !value(v)) {
                return false;
            }
        }
        return waiting == nullptr ? token("}") : fail({"bad_known_class", "a map has a key without a value"});
    }

    bool zip(std::span<const java_value> names, std::span<const java_value> values) {
        bool first = true;
        out_ += '{';
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (!comma(first) || !key(names[i]) || !value(values[i])) {
                return false;
            }
        }
        return token("}");
    }

    /// The keys of a map, behind as many wrappers as may be.
    bool keys(java_value v) {
        for (auto left = limits_.depth; left > 0 && v.kind == java_kind::node; --left) {
            const auto& n = doc_.node(v);
            const auto* known = n.what == java_shape_of::object ? known_for(n) : nullptr;
            const auto s = known != nullptr && charge(1) ? shape(*known, n) : std::nullopt;
            if (!s) {
                break;
            }
            if (s->form == java_form::map) {
                return first_of_pairs(s->first);
            }
            if (s->form != java_form::value) {
                break;
            }
            v = s->first[0];
        }
        return *problem_.reason != '\0' ? false : fail({"bad_known_class", "a set of keys without its map"});
    }

    bool first_of_pairs(std::span<const java_value> pairs) {
        bool first = true;
        bool is_key = false;
        out_ += '[';
        for (const auto& v : pairs) {
            if (v.kind == java_kind::block) {
                continue;
            }
            is_key = !is_key;
            if (is_key && (!comma(first) || !value(v))) {
                return false;
            }
        }
        return token("]");
    }

    const java_document& doc_;
    const java_json_options& options_;
    const java_limits& limits_;
    std::string out_;
    std::vector<bool> open_;              ///< by node: it is being written
    std::vector<const java_node*> path_;  ///< those nodes
    std::vector<known_class> known_;      ///< by class
    std::size_t work_ = 0;
    java_problem problem_;
};

}  // namespace

java_result<std::string> write_java_json(const java_document& document, const java_json_options& options,
                                         const java_limits& limits) {
    return writer(document, options, limits).run();
}

java_result<std::string> java_to_json(std::string_view stream, const java_json_options& options, const java_limits& limits) {
    const auto document = parse_java(stream, limits);
    if (!document) {
        return document.error();
    }
    return write_java_json(*document, options, limits);
}

}  // namespace wsidecar::proto
