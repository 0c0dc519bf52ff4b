#include "sidecar/core/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>

#include "proto/json/json_text.hpp"

namespace wsidecar::core::log {
namespace {

struct state {
    std::shared_ptr<spdlog::logger> out = [] {
        auto logger = std::make_shared<spdlog::logger>("wsidecar", std::make_shared<spdlog::sinks::stdout_sink_st>());
        logger->set_pattern("%v");
        logger->set_level(spdlog::level::trace);
        logger->flush_on(spdlog::level::trace);
        return logger;
    }();
    level least = level::info;
    format how = format::json;
    struct site {
        std::chrono::steady_clock::time_point last;
        std::uint64_t suppressed = 0;
    };
    std::map<std::string, site, std::less<>> sites;
};

// The log is the one thing that every room may reach without being handed it.
state& self() {
    static state s;
    return s;
}

const char* name(level l) {
    switch (l) {
        case level::debug: return "debug";
        case level::info: return "info";
        case level::warn: return "warn";
        case level::error: return "error";
    }
    return "?";
}

/// Headers of strangers are logged too: the line stays UTF-8, and no control character of theirs (C0, DEL, C1) reaches a terminal.
void append_json_string(std::string& out, std::string_view s) {
    out += '"';
    proto::append_json_text(out, s);
    out += '"';
}

std::string timestamp() {
    using namespace std::chrono;
    const auto now = system_clock::now();
    const std::time_t t = system_clock::to_time_t(now);
    std::tm tm{};
    gmtime_r(&t, &tm);
    char buf[40];
    const std::size_t n = std::strftime(buf, sizeof buf, "%Y-%m-%dT%H:%M:%S", &tm);
    const auto ms = duration_cast<milliseconds>(now.time_since_epoch()).count() % 1000;
    std::snprintf(buf + n, sizeof buf - n, ".%03dZ", static_cast<int>(ms));
    return buf;
}

void emit(level l, std::string_view component, std::string_view message, fields f, std::uint64_t suppressed) {
    std::string line;
    line.reserve(160);
    if (self().how == format::json) {
        line += R"({"time":")" + timestamp() + R"(","level":")" + name(l) + R"(","component":)";
        append_json_string(line, component);
        line += R"(,"message":)";
        append_json_string(line, message);
        for (const auto& x : f) {
            line += ',';
            append_json_string(line, x.key);
            line += ':';
            if (x.number) {
                line += x.value;
            } else {
                append_json_string(line, x.value);
            }
        }
        if (suppressed != 0) {
            line += R"(,"suppressed":)" + std::to_string(suppressed);
        }
        line += '}';
    } else {
        line += timestamp().substr(11, 12) + ' ' + name(l) + ' ';
        proto::append_json_text(line, component, false);
        line += ": ";
        proto::append_json_text(line, message, false);
        for (const auto& x : f) {
            line += ' ';
            line += x.key;
            line += '=';
            append_json_string(line, x.value);
        }
        if (suppressed != 0) {
            line += " suppressed=" + std::to_string(suppressed);
        }
    }
    self().out->info(line);
}

}  // namespace

void configure(level least, format how) {
    self().least = least;
    self().how = how;
}

void write(level l, std::string_view component, std::string_view message, fields f) {
    if (l >= self().least) {
        emit(l, component, message, f, 0);
    }
}

void limited(level l, std::string_view component, std::string_view message, fields f) {
    if (l < self().least) {
        return;
    }
    using namespace std::chrono_literals;
    std::string key(component);
    key += '\0';
    key += message;
    auto& sites = self().sites;
    const auto now = std::chrono::steady_clock::now();
    if (const auto it = sites.find(key); it != sites.end()) {
        if (now - it->second.last < 10s) {
            ++it->second.suppressed;
            return;
        }
        emit(l, component, message, f, it->second.suppressed);
        it->second = {now, 0};
        return;
    }
    sites.emplace(std::move(key), state::site{now, 0});
    emit(l, component, message, f, 0);
}

}  // namespace wsidecar::core::log
