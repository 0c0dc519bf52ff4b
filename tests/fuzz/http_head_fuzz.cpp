// Request heads of clients, and the header filter behind them: no forwarded line may pose as one of wsidecar's own.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/http/header_filter.hpp"
#include "proto/http/http_head.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace wsidecar::proto;
    const auto scan = scan_head({reinterpret_cast<const char*>(data), size});
    if (scan.what != head_scan::state::complete) {
        return 0;
    }
    static const std::vector<std::string> all{"X-*", "C*", "W*", "S*", "I*"};
    static const auto filter = header_filter::for_connect(all);
    for (const std::string& lines : {filter->lines(scan.head, ""), pass_lines(scan.head, "")}) {
        std::string_view rest = lines;
        while (!rest.empty()) {
            const auto end = rest.find("\r\n");
            const auto line = rest.substr(0, end);
            std::string name(line.substr(0, line.find(':')));
            for (char& c : name) {
                c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
            }
            if (end == std::string_view::npos || name.starts_with("ce-") || name.starts_with("ws-") ||
                name.starts_with("webhook-") || name.starts_with("stomp-") || name == "idempotency-key" ||
                name.find('_') != std::string::npos || line.find('\n') != std::string_view::npos ||
                line.find('\r') != std::string_view::npos) {
                __builtin_trap();
            }
            rest.remove_prefix(end + 2);
        }
    }
    return 0;
}
