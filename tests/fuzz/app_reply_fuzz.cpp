// Answers of the app: command headers and bodies in any charset end as commands or problems, names that are taken are valid.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/app_reply.hpp"
#include "proto/text/name.hpp"
#include "proto/text/utf8.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace wsidecar::proto;
    std::string_view text(reinterpret_cast<const char*>(data), size);
    header_list headers;
    while (true) {  // "Name: value" lines, an empty one, the body
        const auto end = text.find('\n');
        const auto line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) {
            break;
        }
        headers.emplace_back(line.substr(0, colon), line.substr(colon + 1));
    }
    retry_after(headers, std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'000)));
    const auto reply = parse_reply(headers, std::string(text));
    for (const auto* names : {&reply.aliases, &reply.join, &reply.leave}) {
        for (const auto& n : *names) {
            if (!valid_name(n)) {
                __builtin_trap();
            }
        }
    }
    if ((reply.user && !valid_name(*reply.user)) || (reply.close && !valid_close_code(reply.close->code)) ||
        (reply.message && reply.message->text && !valid_utf8(reply.message->payload))) {
        __builtin_trap();
    }
    return 0;
}
