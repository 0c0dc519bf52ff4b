#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace wsidecar::core::log {

enum class level { debug, info, warn, error };
enum class format { json, text };

/// One member of a log line. It must not contain a message body or a secret.
struct field {
    std::string_view key;
    std::string value;
    bool number = false;

    field(std::string_view k, std::string_view v) : key(k), value(v) {}
    field(std::string_view k, const std::string& v) : key(k), value(v) {}
    field(std::string_view k, const char* v) : key(k), value(v) {}
    field(std::string_view k, bool v) : key(k), value(v ? "true" : "false"), number(true) {}
    template <class T>
    requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) field(std::string_view k, T v)
        : key(k), value(std::to_string(v)), number(true) {}
};
using fields = std::initializer_list<field>;

/// Sets the lowest level that is written and the format. Lines go to standard output, as one JSON object each or as text. Called at the start
/// and on reload.
void configure(level least, format how);

void write(level l, std::string_view component, std::string_view message, fields f = {});

inline void debug(std::string_view c, std::string_view m, fields f = {}) {
    write(level::debug, c, m, f);
}
inline void info(std::string_view c, std::string_view m, fields f = {}) {
    write(level::info, c, m, f);
}
inline void warn(std::string_view c, std::string_view m, fields f = {}) {
    write(level::warn, c, m, f);
}
inline void error(std::string_view c, std::string_view m, fields f = {}) {
    write(level::error, c, m, f);
}

/// As write(), but at most one line in 10 s for the same component and message. The next line says how many were suppressed.
void limited(level l, std::string_view component, std::string_view message, fields f = {});

}  // namespace wsidecar::core::log
