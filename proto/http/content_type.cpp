#include "proto/http/content_type.hpp"

#include <iconv.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "proto/json/json_scan.hpp"
#include "proto/text/ascii.hpp"
#include "proto/text/utf8.hpp"

namespace wsidecar::proto {
media_type parse_content_type(std::string_view value) {
    media_type m;
    auto semicolon = value.find(';');
    m.type = to_lower(trim(value.substr(0, semicolon)));
    while (semicolon != std::string_view::npos) {
        value.remove_prefix(semicolon + 1);
        semicolon = value.find(';');
        const std::string_view parameter = trim(value.substr(0, semicolon));
        const auto equals = parameter.find('=');
        if (equals == std::string_view::npos || to_lower(trim(parameter.substr(0, equals))) != "charset") {
            continue;
        }
        std::string_view v = trim(parameter.substr(equals + 1));
        if (v.size() >= 2 && v.front() == '"' && v.back() == '"') {
            v = v.substr(1, v.size() - 2);
        }
        m.charset = to_lower(v);
    }
    return m;
}

bool is_text_type(std::string_view type) {
    return type.starts_with("text/") || type == "application/json" || type == "application/xml" || type.ends_with("+json") ||
           type.ends_with("+xml");
}

result<std::string> to_utf8(std::string bytes, std::string_view charset) {
    static constexpr problem bad{"bad_answer", "the body is not valid in its charset"};
    if (charset.empty() || charset == "utf-8" || charset == "utf8" || charset == "us-ascii") {
        if (!valid_utf8(bytes)) {
            return bad;
        }
        return bytes;
    }
    const std::string name(charset);
    const iconv_t handle = iconv_open("UTF-8", name.c_str());
    if (handle == reinterpret_cast<iconv_t>(-1)) {
        return problem{"bad_answer", "unknown charset"};
    }
    const std::unique_ptr<void, int (*)(void*)> closing(handle, [](void* h) { return iconv_close(h); });
    std::string out(bytes.size() * 4 + 4, '\0');
    char* from = bytes.data();
    char* to = out.data();
    std::size_t left = bytes.size();
    std::size_t room = out.size();
    if (iconv(handle, &from, &left, &to, &room) == static_cast<std::size_t>(-1) || left != 0 ||
        iconv(handle, nullptr, nullptr, &to, &room) == static_cast<std::size_t>(-1)) {
        return bad;
    }
    out.resize(out.size() - room);
    return out;
}

bool is_json_container(std::string_view text) {
    return json_container(text);
}

}  // namespace wsidecar::proto
