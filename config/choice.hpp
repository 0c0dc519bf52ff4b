#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wsidecar::config {

/// The words of a setting that is one of several, in the order of its enum. Each such enum has its own.
template <class E>
inline constexpr std::array<std::string_view, 0> words_of{};

/// The value of such a setting. Compares and is set like its word, but a word that is none does not compile; words from outside
/// go through read().
template <class E>
class choice {
public:
    constexpr choice(E value) : value_(value) {}  // NOLINT(google-explicit-constructor)
    consteval choice(const char* word)
        : value_(at(std::string_view(word)).value().value_) {}  // NOLINT(google-explicit-constructor)

    static constexpr std::optional<choice> read(std::string_view word) { return at(word); }
    constexpr std::string_view word() const { return words_of<E>[static_cast<std::size_t>(value_)]; }
    std::string str() const { return std::string(word()); }
    /// All words.
    static std::vector<std::string> words() { return {words_of<E>.begin(), words_of<E>.end()}; }

    constexpr E value() const { return value_; }
    friend constexpr bool operator==(choice a, choice b) { return a.value_ == b.value_; }

private:
    static constexpr std::optional<choice> at(std::string_view word) {
        for (std::size_t i = 0; i < words_of<E>.size(); ++i) {
            if (words_of<E>[i] == word) {
                return choice(static_cast<E>(i));
            }
        }
        return std::nullopt;
    }

    E value_;
};

enum class client_certificates : std::uint8_t { require, request };
template <>
inline constexpr std::array<std::string_view, 2> words_of<client_certificates>{"require", "request"};

enum class loopback_access : std::uint8_t { open, token };
template <>
inline constexpr std::array<std::string_view, 2> words_of<loopback_access>{"open", "token"};

enum class sentinel_tls : std::uint8_t { automatic, always, never };
template <>
inline constexpr std::array<std::string_view, 3> words_of<sentinel_tls>{"auto", "always", "never"};

enum class list_end : std::uint8_t { left, right };
template <>
inline constexpr std::array<std::string_view, 2> words_of<list_end>{"left", "right"};

enum class confirmation : std::uint8_t { pong, write };
template <>
inline constexpr std::array<std::string_view, 2> words_of<confirmation>{"pong", "write"};

enum class route_confirmation : std::uint8_t { as_outbox, pong, write };  ///< as_outbox: outbox.confirm
template <>
inline constexpr std::array<std::string_view, 3> words_of<route_confirmation>{"", "pong", "write"};

enum class receipt_kind : std::uint8_t { summary, each };
template <>
inline constexpr std::array<std::string_view, 2> words_of<receipt_kind>{"summary", "each"};

enum class log_format : std::uint8_t { automatic, json, text };
template <>
inline constexpr std::array<std::string_view, 3> words_of<log_format>{"auto", "json", "text"};

enum class trace_callers : std::uint8_t { sample, trust };
template <>
inline constexpr std::array<std::string_view, 2> words_of<trace_callers>{"sample", "trust"};

enum class client_protocol : std::uint8_t { raw, stomp, sockjs };
template <>
inline constexpr std::array<std::string_view, 3> words_of<client_protocol>{"raw", "stomp", "sockjs"};

enum class on_unauthorized_action : std::uint8_t { close, keep };
template <>
inline constexpr std::array<std::string_view, 2> words_of<on_unauthorized_action>{"close", "keep"};

enum class on_reject_action : std::uint8_t { keep, close };
template <>
inline constexpr std::array<std::string_view, 2> words_of<on_reject_action>{"keep", "close"};

enum class slow_consumer_action : std::uint8_t { close, drop_oldest, collapse, mailbox };
template <>
inline constexpr std::array<std::string_view, 4> words_of<slow_consumer_action>{"close", "drop_oldest", "collapse", "mailbox"};

enum class stream_start : std::uint8_t { newest, start };
template <>
inline constexpr std::array<std::string_view, 2> words_of<stream_start>{"new", "start"};

enum class key_encoding : std::uint8_t { text, jdk };
template <>
inline constexpr std::array<std::string_view, 2> words_of<key_encoding>{"text", "jdk"};

enum class excess_action : std::uint8_t { refuse, close_oldest };
template <>
inline constexpr std::array<std::string_view, 2> words_of<excess_action>{"refuse", "close_oldest"};

enum class plain_http : std::uint8_t { reject, pass };
template <>
inline constexpr std::array<std::string_view, 2> words_of<plain_http>{"reject", "pass"};

enum class gap_action : std::uint8_t { ignore, close };
template <>
inline constexpr std::array<std::string_view, 2> words_of<gap_action>{"ignore", "close"};

}  // namespace wsidecar::config
