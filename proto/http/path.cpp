#include "proto/http/path.hpp"

#include <algorithm>

#include "proto/text/ascii.hpp"
#include "proto/text/hex.hpp"
#include "proto/text/utf8.hpp"

namespace wsidecar::proto {

namespace {

/// What no segment holds, as it is or behind an escape: each of these some server treats as structure, and no header can hold a
/// control character of a path variable.
const char* byte_problem(int byte) {
    if (byte < 0x20 || byte == 0x7F) {
        return "bad_path_character";
    }
    switch (byte) {
        case '/':
        case '\\': return "bad_path_character";
        case ';': return "path_parameter";
        default: return nullptr;
    }
}

/// Decodes one segment into `out`; why not, or null.
const char* decode_segment(std::string_view s, std::string& out) {
    out.clear();
    for (std::size_t i = 0; i < s.size(); ++i) {
        const char c = s[i];
        if (c == '#') {
            return "bad_path_character";
        }
        if (c != '%') {
            if (const char* why = byte_problem(static_cast<unsigned char>(c))) {
                return why;
            }
            out += c;
            continue;
        }
        const int high = i + 2 < s.size() ? hex_value(s[i + 1]) : -1;
        const int low = i + 2 < s.size() ? hex_value(s[i + 2]) : -1;
        if (high < 0 || low < 0) {
            return "bad_escape";
        }
        const int byte = high * 16 + low;
        if (const char* why = byte_problem(byte)) {
            return why;
        }
        out += static_cast<char>(byte);
        i += 2;
    }
    if (!valid_utf8(out)) {
        return "bad_utf8";
    }
    return out == "." || out == ".." ? "dot_segment" : nullptr;
}

const char* path_problem(std::string_view path) {
    std::string decoded;
    for (std::size_t from = 1; from <= path.size();) {
        const auto end = std::min(path.find('/', from), path.size());
        if (end == from && end != path.size()) {
            return "empty_segment";
        }
        if (const char* why = decode_segment(path.substr(from, end - from), decoded)) {
            return why;
        }
        from = end + 1;
    }
    return nullptr;
}

}  // namespace

result<request_path> check_path(std::string_view target) {
    if (target.empty() || target.front() != '/') {
        return problem{"bad_target_form", "the request target must be an absolute path or an http URL"};
    }
    const auto mark = target.find('?');
    request_path p{target.substr(0, mark), {}};
    if (mark != std::string_view::npos) {
        p.query = target.substr(mark + 1);
    }
    if (p.query.find('#') != std::string_view::npos) {
        return problem{"bad_path_character", "a request target has no fragment"};
    }
    if (const char* why = path_problem(p.path)) {
        return problem{why, "the path could be read in more than one way"};
    }
    return p;
}

}  // namespace wsidecar::proto
