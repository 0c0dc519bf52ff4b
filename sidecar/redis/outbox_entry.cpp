#include "sidecar/redis/outbox_entry.hpp"

#include <array>
#include <charconv>

namespace wsidecar::redis {

outbox_entry read_returned(std::string_view text, const bodies& referred) {
    outbox_entry e;
    e.envelope = text;
    const bool as_written = text.starts_with('a');  // in front of the attempts: the envelope is as an app wrote it
    std::array<std::string_view, 4> words;
    std::string_view rest = text.substr(as_written ? 1 : 0);
    for (auto& word : words) {
        const auto end = rest.find('\r');
        if (end == std::string_view::npos) {
            return e;
        }
        word = rest.substr(0, end);
        rest.remove_prefix(end + 1);
    }
    unsigned attempts = 0;
    const auto parsed = std::from_chars(words[0].data(), words[0].data() + words[0].size(), attempts);
    if (parsed.ec != std::errc{} || parsed.ptr != words[0].data() + words[0].size()) {
        return e;
    }
    e = {rest, attempts, words[1], std::string(words[2]), std::string(words[3]), {}, as_written};
    if (rest.starts_with('@')) {
        e.body = rest.substr(1);
        const auto found = referred.find(e.body);
        e.envelope = found == referred.end() ? std::string_view() : found->second;
    }
    return e;
}

std::string returned_entry(unsigned attempts, std::string_view order, std::string_view tally, std::string_view names,
                           std::string_view envelope) {
    std::string out = std::to_string(attempts);
    for (const auto word : {order, tally, names, envelope}) {
        out.append("\r").append(word);
    }
    return out;
}

}  // namespace wsidecar::redis
