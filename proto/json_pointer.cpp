#include "proto/json_pointer.hpp"

#include <charconv>
#include <cstddef>

#include "proto/json_cursor.hpp"
#include "proto/json_scan.hpp"
#include "proto/utf8.hpp"

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

}  // namespace wsidecar::proto
