#include "proto/spring/jackson.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace wsidecar::proto {
namespace {

constexpr std::string_view type_key = "\"@class\"";
constexpr std::string_view null_value = "\"org.springframework.cache.support.NullValue\"";

bool starts_name(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '$';
}

bool in_name(char c) {
    return starts_name(c) || (c >= '0' && c <= '9');
}

/// Two names at least, with dots between.
bool is_qualified(std::string_view name) {
    bool dotted = false;
    bool begins = true;
    for (const char c : name) {
        if (c == '.' && !begins) {
            dotted = begins = true;
        } else if (begins ? starts_name(c) : in_name(c)) {
            begins = false;
        } else {
            return false;
        }
    }
    return dotted && !begins;
}

/// Jackson writes these two with what they hold: java.util.EnumSet<com.example.Status>.
bool is_enum_collection(std::string_view id) {
    return id.ends_with('>') && (id.starts_with("java.util.EnumSet<") || id.starts_with("java.util.EnumMap<"));
}

bool is_type_id(std::string_view raw) {
    const auto id = raw.substr(1, raw.size() - 2);
    return is_java_class_name(id) || is_enum_collection(id);
}

/// Whether a scalar behind this class was wrapped: a list of two strings may look the same.
bool is_surely_a_class(std::string_view raw) {
    const auto id = raw.substr(1, raw.size() - 2);
    const char last = id[id.rfind('.') + 1];
    return id.starts_with("java.") || id.starts_with("javax.") || id.starts_with('[') ||
           id.find('$') != std::string_view::npos || (std::count(id.begin(), id.end(), '.') >= 2 && last >= 'A' && last <= 'Z');
}

/// Classes begin with a capital; `["order.created",{...}]` is an event of the app's own.
bool is_named_as_a_class(std::string_view raw) {
    const auto id = raw.substr(1, raw.size() - 2);
    const char first = id[id.find_last_of(".$", id.find('<')) + 1];
    return is_surely_a_class(raw) || (first >= 'A' && first <= 'Z');
}

/// An array that begins with the name of a class.
struct candidate {
    std::size_t begin;
    bool wrapper;
};

/// First walk: is it JSON, does it have types, and which arrays are wrappers.
class type_finder {
public:
    type_finder(std::string_view json, int max_depth) : cursor_(json, max_depth) {}

    bool run() {
        cursor_.space();
        return value(0) && cursor_.at_end();
    }
    bool too_deep() const { return cursor_.too_deep(); }

    bool typed = false;
    std::vector<candidate> candidates;  ///< in the order of the text

private:
    bool value(int depth) {
        switch (cursor_.peek()) {
            case '{':
                return cursor_.container(depth, [&](std::string_view key) {
                    typed = typed || (key == type_key && cursor_.peek() == '"');
                    return value(depth + 1);
                });
            case '[': return array(depth);
            default: return cursor_.scalar();
        }
    }

    bool array(int depth) {
        const std::size_t begin = cursor_.at();
        const std::size_t slot = candidates.size();
        std::string_view id;
        char second = '\0';
        std::size_t n = 0;
        const bool good = cursor_.container(depth, [&](std::string_view) {
            const std::size_t start = cursor_.at();
            if (n++ != 0) {
                second = n == 2 ? cursor_.peek() : second;
                return value(depth + 1);
            }
            const bool text = cursor_.peek() == '"';
            if (!value(depth + 1)) {
                return false;
            }
            if (text && is_type_id(cursor_.since(start))) {
                id = cursor_.since(start);
                candidates.push_back({begin, false});
            }
            return true;
        });
        if (good && n == 2 && !id.empty()) {
            const bool contains = opens_container(second);
            const bool wrapper = contains || (second != 'n' && is_surely_a_class(id));
            candidates[slot].wrapper = wrapper;
            typed = typed || (contains && is_named_as_a_class(id)) || (wrapper && depth == 0);
        }
        return good;
    }

    json_cursor cursor_;
};

/// Second walk: writes the text without them.
class type_remover {
public:
    type_remover(std::string_view json, int max_depth, const std::vector<candidate>& candidates)
        : cursor_(json, max_depth), candidates_(candidates) {
        out.reserve(json.size());
        cursor_.space();
        value(0, false);
    }

    std::string out;

private:
    /// `held`: by a wrapper, so not one itself.
    bool value(int depth, bool held) {
        switch (cursor_.peek()) {
            case '{': return object(depth);
            case '[': return takes_off() && !held ? wrapper(depth) : array(depth);
            default: {
                const std::size_t start = cursor_.at();
                cursor_.scalar();
                out += cursor_.since(start);
                return true;
            }
        }
    }

    /// Whether the array here is a wrapper. Every array is asked once, in the order of the text.
    bool takes_off() {
        return next_ < candidates_.size() && candidates_[next_].begin == cursor_.at() && candidates_[next_++].wrapper;
    }

    bool wrapper(int depth) {
        bool first = true;
        return cursor_.container(depth, [&](std::string_view) {
            if (first) {
                first = false;
                return cursor_.scalar();
            }
            return value(depth + 1, true);
        });
    }

    bool array(int depth) {
        out += '[';
        cursor_.container(depth, [&](std::string_view) {
            comma();
            return value(depth + 1, false);
        });
        out += ']';
        return true;
    }

    bool object(int depth) {
        const std::size_t start = out.size();
        bool nothing = false;
        out += '{';
        cursor_.container(depth, [&](std::string_view key) {
            if (key == type_key && cursor_.peek() == '"') {
                const std::size_t begin = cursor_.at();
                cursor_.scalar();
                nothing = cursor_.since(begin) == null_value;
                return true;
            }
            comma();
            out += key;
            out += ':';
            return value(depth + 1, false);
        });
        if (nothing && out.size() == start + 1) {
            out.replace(start, 1, "null");
        } else {
            out += '}';
        }
        return true;
    }

    void comma() {
        if (!opens_container(out.back())) {  // a value before it never ends like that
            out += ',';
        }
    }

    json_cursor cursor_;
    const std::vector<candidate>& candidates_;
    std::size_t next_ = 0;
};

}  // namespace

bool is_java_class_name(std::string_view name) {
    const auto brackets = std::min(name.find_first_not_of('['), name.size());
    name.remove_prefix(brackets);
    if (brackets != 0 && name.size() == 1) {
        return std::string_view("BCDFIJSZ").find(name.front()) != std::string_view::npos;
    }
    if (brackets != 0 && name.starts_with('L')) {
        name.remove_prefix(1);
    }
    if (name.ends_with(';')) {
        name.remove_suffix(1);
    }
    return is_qualified(name);
}

result<unwrapped_json> unwrap_jackson(std::string_view json, jackson_types types, int max_depth) {
    type_finder finder(json, max_depth);
    if (!finder.run()) {
        if (finder.too_deep()) {
            return problem{"too_deep", "objects and arrays stand in each other deeper than the limit"};
        }
        return problem{"not_json", "not valid JSON"};
    }
    unwrapped_json out;
    const bool wraps = std::any_of(finder.candidates.begin(), finder.candidates.end(), [](const auto& c) { return c.wrapper; });
    out.typed = finder.typed || (wraps && types == jackson_types::sure);
    if (out.typed) {
        out.text = std::move(type_remover(json, max_depth, finder.candidates).out);
    }
    return out;
}

}  // namespace wsidecar::proto
