#include "proto/json/json_pointer.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>

#include "proto/json/json_cursor.hpp"
#include "proto/json/json_scan.hpp"
#include "proto/text/utf8.hpp"

namespace wsidecar::proto {
namespace {

struct segment {
    std::string name;
    std::optional<std::size_t> index;  ///< the name as a place in an array: digits without a leading zero
    bool any = false;
};

std::optional<std::size_t> array_index(std::string_view name) {
    std::size_t n = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), n);
    if (error != std::errc() || end != name.data() + name.size() || (name.size() > 1 && name.front() == '0')) {
        return std::nullopt;
    }
    return n;
}

std::vector<segment> split(std::string_view pointer, bool wildcards) {
    std::vector<segment> out;
    while (!pointer.empty()) {
        pointer.remove_prefix(1);
        const auto raw = pointer.substr(0, pointer.find('/'));
        pointer.remove_prefix(raw.size());
        segment s;
        for (std::size_t i = 0; i < raw.size(); ++i) {
            s.name += raw[i] != '~' ? raw[i] : raw[++i] == '0' ? '~' : '/';
        }
        s.index = array_index(s.name);
        s.any = wildcards && raw == "*";
        out.push_back(std::move(s));
    }
    return out;
}

bool is_key(std::string_view raw, std::string_view name) {
    const auto inner = raw.substr(1, raw.size() - 2);
    if (inner.find('\\') == std::string_view::npos) {
        return inner == name;
    }
    return inner.size() <= 6 * name.size() && json_string(raw) == name;  // an escape is at most six times what it stands for
}

class finder {
public:
    finder(std::string_view json, const std::vector<segment>& path) : cursor_(json), path_(path) {}

    std::vector<std::string_view> run() {
        cursor_.space();
        if (!value(0) || !cursor_.at_end()) {
            found_.clear();
        }
        return std::move(found_);
    }

private:
    // As many containers are open as segments are used up: `depth` counts both.
    bool value(std::size_t depth) {
        const int open = static_cast<int>(depth);
        if (depth == path_.size()) {
            const std::size_t start = cursor_.at();
            if (!cursor_.value(open)) {
                return false;
            }
            found_.push_back(cursor_.since(start));
            return true;
        }
        if (!opens_container(cursor_.peek())) {
            return cursor_.scalar();
        }
        const bool object = cursor_.peek() == '{';
        const segment& want = path_[depth];
        const std::size_t before = found_.size();
        std::size_t place = 0;
        return cursor_.container(open, [&](std::string_view key) {
            if (!want.any && !(object ? is_key(key, want.name) : want.index == place++)) {
                return cursor_.value(open + 1);
            }
            if (!want.any) {
                found_.resize(before);  // a repeated member: the later one counts
            }
            return value(depth + 1);
        });
    }

    json_cursor cursor_;
    const std::vector<segment>& path_;
    std::vector<std::string_view> found_;
};

std::vector<std::string_view> find(std::string_view json, std::string_view pointer, bool wildcards) {
    if (!valid_pointer(pointer)) {
        return {};
    }
    return finder(json, split(pointer, wildcards)).run();
}

}  // namespace

bool valid_pointer(std::string_view pointer) {
    if (!pointer.empty() && pointer.front() != '/') {
        return false;
    }
    for (auto at = pointer.find('~'); at != std::string_view::npos; at = pointer.find('~', at + 1)) {
        if (at + 1 >= pointer.size() || (pointer[at + 1] != '0' && pointer[at + 1] != '1')) {
            return false;
        }
    }
    return valid_utf8(pointer);
}

std::optional<std::string_view> find_pointer(std::string_view json, std::string_view pointer) {
    const auto found = find(json, pointer, false);
    return found.empty() ? std::nullopt : std::optional(found.front());
}

std::vector<std::string_view> find_all(std::string_view json, std::string_view pointer) {
    return find(json, pointer, true);
}

std::optional<std::string> scalar_text(std::string_view raw) {
    json_cursor cursor(raw);
    const char first = cursor.space();
    const std::size_t start = cursor.at();
    if (opens_container(first) || first == 'n' || !cursor.scalar()) {
        return std::nullopt;
    }
    const auto token = cursor.since(start);
    if (!cursor.at_end()) {
        return std::nullopt;
    }
    return first == '"' ? json_string(token) : std::optional<std::string>(token);
}

namespace {

/// A JSON number without exponent and needless zeros, all its digits kept; as it stands when that is long.
std::string plain_number(std::string_view token) {
    constexpr int longest = 40;
    const bool negative = token.starts_with('-');
    const auto exponent_at = std::min(token.find_first_of("eE"), token.size());
    const auto mantissa = token.substr(negative ? 1 : 0, exponent_at - (negative ? 1 : 0));
    int exponent = 0;
    if (exponent_at < token.size()) {
        const auto digits = token.substr(exponent_at + (token[exponent_at + 1] == '+' ? 2 : 1));
        if (std::from_chars(digits.data(), digits.data() + digits.size(), exponent).ec != std::errc() ||
            std::abs(exponent) > longest) {
            return std::string(token);
        }
    }
    const auto point = std::min(mantissa.find('.'), mantissa.size());
    std::string digits(mantissa.substr(0, point));
    if (point < mantissa.size()) {
        digits += mantissa.substr(point + 1);
    }
    // The value is 0.digits * 10^places.
    const auto leading = std::min(digits.find_first_not_of('0'), digits.size());
    int places = static_cast<int>(point) + exponent - static_cast<int>(leading);
    digits.erase(0, leading);
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.empty()) {
        return "0";
    }
    const int size = static_cast<int>(digits.size());
    if (std::max(places, size) + std::max(0, -places) > longest) {
        return std::string(token);
    }
    if (places <= 0) {
        digits.insert(0, "0." + std::string(static_cast<std::size_t>(-places), '0'));
    } else if (places < size) {
        digits.insert(static_cast<std::size_t>(places), 1, '.');
    } else {
        digits.append(static_cast<std::size_t>(places - size), '0');
    }
    return (negative ? "-" : "") + digits;
}

}  // namespace

std::optional<std::string> name_text(std::string_view raw) {
    auto text = scalar_text(raw);
    const auto first = raw.find_first_not_of(" \t\r\n");
    if (text && (raw[first] == '-' || (raw[first] >= '0' && raw[first] <= '9'))) {
        return plain_number(*text);
    }
    return text;
}

}  // namespace wsidecar::proto
