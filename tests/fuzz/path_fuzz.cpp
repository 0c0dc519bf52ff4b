// Targets of clients and patterns of configurations: what passes the check holds no structure that a backend could read otherwise.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/http/path.hpp"
#include "proto/text/percent.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace wsidecar::proto;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto split = std::min(text.find('\n'), text.size());
    const auto pattern = route_pattern::compile(text.substr(0, split));
    const auto checked = check_path(text.substr(std::min(split + 1, text.size())));
    if (!checked) {
        return 0;
    }
    const std::string decoded = percent_decode(checked->path);
    if (decoded.find("/../") != std::string::npos || decoded.find('\0') != std::string::npos ||
        decoded.find('\n') != std::string::npos || decoded.find('\\') != std::string::npos ||
        decoded.find("//") != std::string::npos) {
        __builtin_trap();
    }
    if (pattern) {
        if (const auto values = pattern->match(checked->path)) {
            const auto path = expand_path("/app/{a}/{rest...}/{event}", *values, "message");
            if (path.find(' ') != std::string::npos || path.find('\r') != std::string::npos) {
                __builtin_trap();
            }
        }
    }
    return 0;
}
