#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/settings.hpp"
#include "config/values.hpp"

namespace wsidecar::config {

/// What is wrong with a value; nullopt: nothing.
using wrong = std::optional<std::string>;

inline std::string join(const std::vector<std::string>& words, const char* between) {
    std::string out;
    for (const auto& w : words) {
        out += out.empty() ? "" : between;
        out += w;
    }
    return out;
}

/// Builds the table of one struct. `at` is a lambda that returns the member by reference.
template <class Struct>
class table {
public:
    using entry = basic_setting<Struct>;

    template <class At>
    entry& text(const char* key, const char* help, At at) {
        return add(
            key, kind::text, help,
            [at](Struct& s, const std::string& v) -> wrong {
                at(s) = v;
                return {};
            },
            [at](Struct& s) { return at(s); });
    }
    template <class At>
    entry& flag(const char* key, const char* help, At at) {
        return add(
            key, kind::boolean, help,
            [at](Struct& s, const std::string& v) -> wrong {
                const auto b = parse_bool(v);
                if (!b) {
                    return "is true or false";
                }
                at(s) = *b;
                return {};
            },
            [at](Struct& s) { return at(s) ? std::string("true") : std::string("false"); });
    }
    template <class At>
    entry& number(const char* key, const char* help, std::uint64_t least, std::uint64_t most, At at) {
        auto& e = add(
            key, kind::number, help,
            [=](Struct& s, const std::string& v) -> wrong {
                const auto n = parse_number(v, most);
                if (!n || *n < least) {
                    return "is a whole number from " + std::to_string(least) + " to " + std::to_string(most);
                }
                at(s) = static_cast<std::remove_reference_t<decltype(at(s))>>(*n);
                return {};
            },
            [at](Struct& s) { return std::to_string(at(s)); });
        e.least = least;
        e.most = most;
        return e;
    }
    template <class At>
    entry& duration(const char* key, const char* help, milliseconds least, At at) {
        auto& e = add(
            key, kind::duration, help,
            [=](Struct& s, const std::string& v) -> wrong {
                const auto d = parse_duration(v);
                if (!d) {
                    return is_too_long(v) ? "is at most " + format_duration(longest_duration)
                                          : "is a duration like 250ms, 10s or 5m";
                }
                if (*d < least) {
                    return "is at least " + format_duration(least);
                }
                at(s) = *d;
                return {};
            },
            [at](Struct& s) { return format_duration(at(s)); });
        e.least = static_cast<std::uint64_t>(least.count());
        return e;
    }
    /// `most`: what the code behind it can hold; a connection counts its bytes in 32 bits.
    template <class At>
    entry& size(const char* key, const char* help, std::uint64_t least, At at, std::uint64_t most = 1ULL << 30U) {
        auto& e = add(
            key, kind::size, help,
            [=](Struct& s, const std::string& v) -> wrong {
                const auto n = parse_size(v);
                if (!n) {
                    return "is a size like 512, 64KiB or 1MiB";
                }
                if (*n < least) {
                    return "is at least " + format_size(least);
                }
                if (*n > most) {
                    return "is at most " + format_size(most);
                }
                at(s) = *n;
                return {};
            },
            [at](Struct& s) { return format_size(at(s)); });
        e.least = least;
        e.most = most;
        return e;
    }
    template <class At>
    entry& percent(const char* key, const char* help, At at) {
        return add(
            key, kind::percent, help,
            [at](Struct& s, const std::string& v) -> wrong {
                const auto n = v.ends_with('%') ? parse_number(std::string_view(v).substr(0, v.size() - 1), 100) : std::nullopt;
                if (!n || *n == 0) {
                    return "is a share from 1% to 100%";
                }
                at(s) = static_cast<std::uint32_t>(*n);
                return {};
            },
            [at](Struct& s) { return std::to_string(at(s)) + "%"; });
    }
    template <class At>
    entry& share(const char* key, const char* help, At at) {
        return add(
            key, kind::share, help,
            [at](Struct& s, const std::string& v) -> wrong {
                const auto n = parse_share(v);
                if (!n) {
                    return "is a share from 0 to 1, like 0.01";
                }
                at(s) = *n;
                return {};
            },
            [at](Struct& s) { return format_share(at(s)); });
    }
    template <class At>
    entry& choice(const char* key, const char* help, std::vector<std::string> choices, At at) {
        auto& e = add(
            key, kind::choice, help,
            [at, choices](Struct& s, const std::string& v) -> wrong {
                if (std::find(choices.begin(), choices.end(), v) == choices.end()) {
                    return "is one of " + join(choices, ", ");
                }
                at(s) = v;
                return {};
            },
            [at](Struct& s) { return at(s); });
        e.choices = std::move(choices);
        return e;
    }
    /// The same for a member that is an enum: the words are the enum's.
    template <class At>
    entry& choice(const char* key, const char* help, At at) {
        using member = std::remove_reference_t<decltype(at(std::declval<Struct&>()))>;
        std::vector<std::string> choices = member::words();
        std::erase(choices, "");  // left out of the file
        auto& e = add(
            key, kind::choice, help,
            [at, choices](Struct& s, const std::string& v) -> wrong {
                const auto value = member::read(v);
                if (!value || v.empty()) {
                    return "is one of " + join(choices, ", ");
                }
                at(s) = *value;
                return {};
            },
            [at](Struct& s) { return at(s).str(); });
        e.choices = std::move(choices);
        return e;
    }
    template <class At>
    entry& texts(const char* key, const char* help, At at, std::vector<std::string> choices = {}) {
        entry e;
        e.key = key;
        e.type = kind::texts;
        e.help = help;
        e.choices = choices;
        e.set = [at, choices](Struct& s, const std::vector<std::string>& v) -> wrong {
            for (const auto& word : v) {
                if (!choices.empty() && std::find(choices.begin(), choices.end(), word) == choices.end()) {
                    return "has entries out of " + join(choices, ", ");
                }
            }
            at(s) = v;
            return {};
        };
        e.get = [at](const Struct& s) { return at(const_cast<Struct&>(s)); };
        entries.push_back(std::move(e));
        return entries.back();
    }

    std::vector<entry> entries;

    /// Two durations in a list.
    template <class First, class Second>
    entry& durations(const char* key, const char* help, First first, Second second) {
        entry e;
        e.key = key;
        e.type = kind::texts;
        e.help = help;
        e.set = [=](Struct& s, const std::vector<std::string>& v) -> wrong {
            const auto a = v.size() == 2 ? parse_duration(v[0]) : std::nullopt;
            const auto b = v.size() == 2 ? parse_duration(v[1]) : std::nullopt;
            if (!a || !b) {
                return "is two durations like [10s, 10s], each at most " + format_duration(longest_duration);
            }
            first(s) = *a;
            second(s) = *b;
            return {};
        };
        e.get = [=](const Struct& s) {
            auto& at = const_cast<Struct&>(s);
            return std::vector{format_duration(first(at)), format_duration(second(at))};
        };
        entries.push_back(std::move(e));
        return entries.back();
    }

private:
    template <class Set, class Get>
    entry& add(const char* key, kind type, const char* help, Set set, Get get) {
        entry e;
        e.key = key;
        e.type = type;
        e.help = help;
        e.set = [set](Struct& s, const std::vector<std::string>& v) -> wrong {
            if (v.size() != 1) {
                return "is one value";
            }
            return set(s, v.front());
        };
        e.get = [get](const Struct& s) { return std::vector<std::string>{get(const_cast<Struct&>(s))}; };
        entries.push_back(std::move(e));
        return entries.back();
    }
};

/// What exists globally and for each route.
template <class Struct>
void shared_settings(table<Struct>& t) {
    t.duration(
        "ping",
        "wsidecar pings after this much silence; keep it below the 60 s at which proxies cut idle connections; 0: never", 0ms,
        [](Struct & c) -> auto& { return c.ping; });
    t.duration(
        "pong_timeout", "a client that has not answered a ping within this time is closed (1006)", 100ms,
        [](Struct & c) -> auto& { return c.pong_timeout; });
    t.texts(
        "origins", "pages that may connect with cookies: same, \"*\", or exact origins",
        [](Struct & c) -> auto& { return c.origins; });
    t.texts(
        "forward_headers", "more handshake headers for the events: names, or prefixes like X-*",
        [](Struct & c) -> auto& { return c.forward_headers; });
    t.size(
        "limits.message", "size of a client's message, after inflating; more: 1009", 1,
        [](Struct & c) -> auto& { return c.limits.message; });
    t.number(
        "limits.fragments", "fragments of one message; more: 1008", 1, 1'000'000,
        [](Struct & c) -> auto& { return c.limits.fragments; });
    t.number(
        "limits.messages_per_second", "messages of one client; more: 1008; 0: no limit", 0, 1'000'000,
        [](Struct & c) -> auto& { return c.limits.messages_per_second; });
    t.size(
        "limits.headers", "size of a request's head; more: 431", 1024, [](Struct & c) -> auto& { return c.limits.headers; });
    t.number(
        "limits.header_count", "headers of a request; more: 431", 1, 10'000,
        [](Struct & c) -> auto& { return c.limits.header_count; });
    t.duration(
        "limits.handshake", "time for the whole request head", 100ms, [](Struct & c) -> auto& { return c.limits.handshake; });
    t.duration(
        "limits.message_time", "time from the first byte of a message or frame to its last; longer: 1008", 100ms,
        [](Struct & c) -> auto& { return c.limits.message_time; });
    t.size(
        "limits.queue", "bytes waiting for one client; more: slow_consumer decides", 1024,
        [](Struct & c) -> auto& { return c.limits.queue; });
}

}  // namespace wsidecar::config
