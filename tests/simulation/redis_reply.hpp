#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace wsidecar::simulation {

/// A reply of Redis (RESP2).
struct reply {
    enum class kind { nil, nil_array, integer, status, error, bulk, array, none };
    kind is = kind::nil;
    std::int64_t number = 0;
    std::string text;
    std::vector<reply> items;

    static reply nil() { return {}; }
    static reply nil_array() { return {kind::nil_array, 0, {}, {}}; }
    /// No reply now: the command blocks.
    static reply none() { return {kind::none, 0, {}, {}}; }
    static reply integer(std::int64_t n) { return {kind::integer, n, {}, {}}; }
    static reply status(std::string s) { return {kind::status, 0, std::move(s), {}}; }
    static reply ok() { return status("OK"); }
    static reply error(std::string s) { return {kind::error, 0, std::move(s), {}}; }
    static reply bulk(std::string s) { return {kind::bulk, 0, std::move(s), {}}; }
    static reply array(std::vector<reply> items = {}) { return {kind::array, 0, {}, std::move(items)}; }
    static reply number_text(double d);

    bool is_error() const { return is == kind::error; }
    bool is_nil() const { return is == kind::nil || is == kind::nil_array; }
    /// As RESP2.
    void encode(std::string& out) const;
    /// For people, on one line.
    std::string describe(std::size_t most = 200) const;
};

/// As Redis writes a double.
std::string text_of(double d);

}  // namespace wsidecar::simulation
