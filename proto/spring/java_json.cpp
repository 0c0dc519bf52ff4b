#include "proto/spring/java_json.hpp"

#include <algorithm>
#include <utility>

#include "proto/spring/java_known.hpp"
#include "proto/spring/java_output.hpp"
#include "proto/spring/java_stream.hpp"
#include "proto/spring/java_time.hpp"
#include "proto/text/base64.hpp"

namespace wsidecar::proto {
namespace {

constexpr problem externalizable{"externalizable", "only its class can read what an Externalizable wrote"};
constexpr problem written_by_class{"written_by_class",
                                   "only its class can read what its writeObject() wrote besides its fields"};
constexpr problem too_deep{"too_deep", "objects are nested deeper than the limit"};

/// After the first failure all return false. What is rare stands out of line: so the frames of what recurses are small.
class writer : java_output {
public:
    writer(const java_document& document, const java_json_options& options, const java_limits& limits)
        : java_output(document, options, limits),
          open_(document.nodes.size()),
          known_(document.classes.size()),
          names_(document.fields.size()),
          written_(document.shared) {}

    java_result<std::string> run() {
        if (value(doc_.root)) {
            return std::string(out_.view());
        }
        return std::move(problem_);
    }

private:
    struct known_class {
        bool asked = false;
        java_meaning meaning;
    };

    /// A shared object that was written.
    struct written {
        std::size_t at = 0;
        std::size_t size = 0;  ///< 0: it was not
        std::size_t work = 0;
        std::size_t height = 0;  ///< levels of nesting
    };

    bool value(const java_value& v) {
        switch (v.kind) {
            case java_kind::boolean: return token(v.number != 0 ? "true" : "false");
            case java_kind::character: return character(v);
            case java_kind::int8:
            case java_kind::int16:
            case java_kind::int32: return whole_number(v.number);
            case java_kind::int64: return long_number(v.number);
            case java_kind::float32: return real_number(v.real(), true);
            case java_kind::float64: return real_number(v.real(), false);
            case java_kind::string: return quoted(doc_.string(v));
            case java_kind::node: return open_[v.index()] ? cut() : node(v);
            case java_kind::null:
            case java_kind::block: break;  // no block stands where a value does
        }
        return token("null");
    }

    /// An object within itself.
    bool cut() {
        ++cuts_;
        return token("null");
    }

    [[gnu::noinline]] bool node(const java_value& v) {
        const auto& n = doc_.node(v);
        return n.shared > 0 ? shared_node(v, n) : new_node(v, n);
    }

    bool new_node(const java_value& v, const java_node& n) {
        if (path_.size() >= limits_.depth) {
            return fail(too_deep, &n);
        }
        if (!charge(1)) {
            return false;
        }
        open_[v.index()] = true;
        path_.push_back(&n);
        deepest_ = std::max(deepest_, path_.size());
        if (!node_body(n)) {
            return false;
        }
        path_.pop_back();
        open_[v.index()] = false;
        return true;
    }

    /// Copied, if nothing comes of writing it again but the same. So sharing what shares takes little time.
    [[gnu::noinline]] bool shared_node(const java_value& v, const java_node& n) {
        auto& w = written_[n.shared - 1];
        if (w.size > 0 && out_.size() + w.size <= limits_.json && w.work <= limits_.objects - work_ &&
            path_.size() + w.height <= limits_.depth) {
            out_.put_again(w.at, w.size);
            work_ += w.work;
            deepest_ = std::max(deepest_, path_.size() + w.height);
            return true;
        }
        const auto at = out_.size();
        const auto work = work_;
        const auto cuts = cuts_;
        const auto deepest = std::exchange(deepest_, 0);
        if (!new_node(v, n)) {
            return false;
        }
        if (cuts_ == cuts && in_key_ == 0) {
            w = {at, out_.size() - at, work_ - work, deepest_ - path_.size()};
        }
        deepest_ = std::max(deepest_, deepest);
        return true;
    }

    bool node_body(const java_node& n) {
        switch (n.what) {
            case java_shape_of::array: return list(doc_.values_of(n), {});
            case java_shape_of::primitives: return primitives(n);
            case java_shape_of::constant: return value(doc_.values_of(n)[0]);
            case java_shape_of::object: break;
        }
        const auto& meaning = meaning_of(n);
        if (meaning.known == nullptr) {
            if ((doc_.classes[n.type].flags & java_externalizable) != 0) {
                return fail(externalizable, &n);
            }
            return fields(n);
        }
        if (meaning.is_field) {
            const auto part = doc_.parts_of(n)[meaning.part];
            return charge(looking(n)) && value(doc_.values_of(n)[part.fields + meaning.field]);
        }
        java_shape s;
        return shape(*meaning.known, n, s) && shaped(s);
    }

    const java_meaning& meaning_of(const java_node& n) {
        auto& k = known_[n.type];
        if (!k.asked) {
            k = {true, find_java_meaning(doc_, n.type)};
        }
        return k.meaning;
    }

    /// What it takes to look for fields.
    static std::size_t looking(const java_node& n) { return n.parts.size / 8 + n.values.size / 16; }

    /// Making decimals takes time, whatever comes out.
    bool shape(const java_known& known, const java_node& n, java_shape& to) {
        if (const auto read = read_java_known(known, doc_, n, limits_, text_, to); !read) {
            return fail(read.error(), &n);
        }
        const std::size_t digits = to.form == java_form::json ? 0 : to.text.size() / 48;
        return charge(looking(n) + digits * digits + to.text.size() / 64);
    }

    bool shaped(const java_shape& s) {
        switch (s.form) {
            case java_form::token:
            case java_form::json: return token(s.text);
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

    bool list(std::span<const java_value> values, std::span<const java_value> more) {
        bool first = true;
        out_.put('[');
        for (const auto part : {values, more}) {
            for (const auto& v : part) {
                if (v.kind != java_kind::block && (!comma(first) || !value(v))) {
                    return false;
                }
            }
        }
        return token("]");
    }

    [[gnu::noinline]] bool copies(const java_value& v, std::int64_t n) {
        bool first = true;
        out_.put('[');
        for (; n > 0; --n) {
            if (!comma(first) || !value(v)) {
                return false;
            }
        }
        return token("]");
    }

    [[gnu::noinline]] bool primitives(const java_node& n) {
        const auto type = doc_.class_name(n.type)[1];
        const auto bytes = doc_.block(doc_.values_of(n)[0]);
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
        out_.put('[');
        for (std::size_t at = 0; at < bytes.size(); at += width) {
            if (!comma(first) || !value(java_primitive(type, big_endian(bytes.substr(at), width)))) {
                return false;
            }
        }
        return token("]");
    }

    bool fields(const java_node& n) {
        const auto values = doc_.values_of(n);
        const auto hidden = doc_.classes[n.type].hidden;
        std::size_t position = 0;
        bool first = true;
        out_.put('{');
        for (const auto& part : doc_.parts_of(n)) {
            if (part.extra != part.end) {  // what is left out would be lost without a word
                return fail(written_by_class, &n);
            }
            auto field = doc_.classes[part.type].fields.at;
            for (auto i = part.fields; i < part.extra; ++i, ++field, ++position) {
                if (hidden.size > 0 && doc_.hidden[hidden.at + position]) {
                    continue;
                }
                if (!name(field, std::exchange(first, false)) || !value(values[i])) {
                    return false;
                }
            }
        }
        return charge(position / 16) && token("}");
    }

    /// `,"name":`, which is made once; the first has no comma.
    bool name(std::uint32_t field, bool first) {
        auto& made = names_[field];
        if (made.size > 0) {
            const std::size_t skipped = first ? 1 : 0;
            out_.put({made_names_.data() + made.at + skipped, made.size - skipped});
            return fits();
        }
        const bool fit = comma(first);
        const auto begin = out_.size();
        if (!fit || !quoted(doc_.string(doc_.fields[field].name)) || !token(":")) {
            return false;
        }
        made.at = static_cast<std::uint32_t>(made_names_.size());
        (made_names_ += ',') += out_.view().substr(begin);
        made.size = static_cast<std::uint32_t>(made_names_.size()) - made.at;
        return true;
    }

    /// What is no string becomes one.
    [[gnu::noinline]] bool key(const java_value& v) {
        const auto begin = out_.size();
        ++in_key_;
        if (!value(v)) {
            return false;
        }
        --in_key_;
        if (out_.view()[begin] != '"') {
            const std::string text(out_.view().substr(begin));
            out_.truncate(begin);
            return charge(text.size() / 64) && quoted(text) && token(":");
        }
        return token(":");
    }

    [[gnu::noinline]] bool map(std::span<const java_value> pairs) {
        bool first = true;
        const java_value* waiting = nullptr;
        out_.put('{');
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

    [[gnu::noinline]] bool zip(std::span<const java_value> names, std::span<const java_value> values) {
        bool first = true;
        out_.put('{');
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (!comma(first) || !key(names[i]) || !value(values[i])) {
                return false;
            }
        }
        return token("}");
    }

    /// The keys of a map, behind as many wrappers as may be.
    [[gnu::noinline]] bool keys(java_value v) {
        for (auto left = limits_.depth; left > 0 && v.kind == java_kind::node; --left) {
            const auto& n = doc_.node(v);
            const auto* known = n.what == java_shape_of::object ? meaning_of(n).known : nullptr;
            java_shape s;
            if (known == nullptr || !charge(1) || !shape(*known, n, s)) {
                break;
            }
            if (s.form == java_form::map) {
                return first_of_pairs(s.first);
            }
            if (s.form != java_form::value) {
                break;
            }
            v = s.first[0];
        }
        return *problem_.reason != '\0' ? false : fail({"bad_known_class", "a set of keys without its map"});
    }

    [[gnu::noinline]] bool first_of_pairs(std::span<const java_value> pairs) {
        bool first = true;
        bool is_key = false;
        out_.put('[');
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

    std::string text_;                ///< of the shape that is being written
    std::vector<char> open_;          ///< by node: it is being written
    std::vector<known_class> known_;  ///< by class
    std::vector<java_range> names_;   ///< by field, in `made_names_`
    std::string made_names_;
    std::vector<written> written_;  ///< by `shared` of the node
    std::size_t cuts_ = 0;          ///< objects that were not written within themselves
    std::size_t in_key_ = 0;        ///< not 0: what is written may be taken back
    std::size_t deepest_ = 0;       ///< the longest path since it was 0
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
