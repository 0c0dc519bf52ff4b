#include "sidecar/redis/receipt_keys.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace wsidecar::redis {
namespace {

/// How wsidecar's own keys go on behind the prefix and their first word.
enum class own_key : std::uint8_t {
    alone,      ///< not at all: `config`
    with_name,  ///< with a colon and a name: `lease:<instance>`
    either,     ///< in both ways: `lost`, `lost:<instance>`
};
struct own_word {
    std::string_view word;
    own_key form;
};

constexpr auto own_words = std::to_array<own_word>(
    {{"config", own_key::alone},      {"epoch", own_key::alone},         {"instances", own_key::alone},
     {"incomplete", own_key::alone},  {"wide", own_key::either},         {"router", own_key::either},
     {"routing", own_key::either},    {"rejected", own_key::either},     {"lost", own_key::either},
     {"order", own_key::alone},       {"mailboxes", own_key::alone},     {"beats", own_key::alone},
     {"watched", own_key::alone},     {"callbacks", own_key::either},    {"joining", own_key::either},
     {"parts", own_key::either},      {"parked", own_key::either},       {"estates", own_key::alone},
     {"kept", own_key::either},       {"histories", own_key::alone},     {"links", own_key::alone},
     {"lease", own_key::with_name},   {"dead", own_key::with_name},      {"presence", own_key::with_name},
     {"where", own_key::with_name},   {"conn", own_key::with_name},      {"conns", own_key::with_name},
     {"inbox", own_key::with_name},   {"overflow", own_key::with_name},  {"left", own_key::with_name},
     {"mailbox", own_key::with_name}, {"fan", own_key::with_name},       {"tally", own_key::with_name},
     {"told", own_key::with_name},    {"gone", own_key::with_name},      {"estate", own_key::with_name},
     {"heirs", own_key::with_name},   {"claims", own_key::with_name},    {"history", own_key::with_name},
     {"body", own_key::with_name},    {"delivered", own_key::with_name}, {"stream", own_key::with_name},
     {"absent", own_key::with_name},  {"away", own_key::with_name},      {"person", own_key::with_name},
     {"leavers", own_key::with_name}});

bool is_own(std::string_view key) {
    const auto colon = key.find(':');
    const auto word = key.substr(0, colon);
    const auto other_form = colon == std::string_view::npos ? own_key::with_name : own_key::alone;
    return std::any_of(own_words.begin(), own_words.end(),
                       [&](const own_word& w) { return w.word == word && w.form != other_form; });
}

}  // namespace

bool may_hold_receipts(std::string_view key, const config::config& c) {
    const auto& other = c.outbox.receipt_prefix;
    if (!key.starts_with(c.prefix)) {
        return !other.empty() && key.starts_with(other);
    }
    key.remove_prefix(c.prefix.size());
    if (c.shards > 1 && key.starts_with("shard:")) {
        return false;
    }
    return !key.empty() && key != c.outbox.key && !key.starts_with(c.outbox.key + ":") && !is_own(key);
}

}  // namespace wsidecar::redis
