#pragma once

// What the implementations of the commands on streams share.

#include <limits>

#include "tests/simulation/redis_words.hpp"

namespace wsidecar::simulation {

inline constexpr stream_id last_stream_id{std::numeric_limits<std::uint64_t>::max(), std::numeric_limits<std::uint64_t>::max()};

inline reply bad_id() {
    return reply::error("ERR Invalid stream ID specified as stream command argument");
}

inline std::optional<std::uint64_t> unsigned_in(std::string_view s) {
    std::uint64_t n = 0;
    const auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), n);
    return ec == std::errc{} && end == s.data() + s.size() && !s.empty() ? std::optional(n) : std::nullopt;
}

/// `missing`: the sequence number where none is given.
inline std::optional<stream_id> id_in(std::string_view s, std::uint64_t missing) {
    const auto dash = s.find('-');
    const auto ms = unsigned_in(s.substr(0, dash));
    const auto seq = dash == std::string_view::npos ? std::optional(missing) : unsigned_in(s.substr(dash + 1));
    return ms && seq ? std::optional(stream_id{*ms, *seq}) : std::nullopt;
}

/// The ids from the word `first` on; nullopt: one of them is none.
inline std::optional<std::vector<stream_id>> ids_in(const words& w, std::size_t first) {
    std::vector<stream_id> ids;
    for (std::size_t i = first; i < w.size(); ++i) {
        const auto id = id_in(w[i], 0);
        if (!id) {
            return std::nullopt;
        }
        ids.push_back(*id);
    }
    return ids;
}

inline stream_id after(stream_id id) {
    return id.seq == last_stream_id.seq ? stream_id{id.ms + 1, 0} : stream_id{id.ms, id.seq + 1};
}

inline stream_id before(stream_id id) {
    return id.seq == 0 ? stream_id{id.ms - 1, last_stream_id.seq} : stream_id{id.ms, id.seq - 1};
}

/// An end of a range.
inline std::optional<stream_id> limit_in(std::string_view s, bool lower) {
    if (s == "-") {
        return stream_id{};
    }
    if (s == "+") {
        return last_stream_id;
    }
    const bool open = s.starts_with('(');
    const auto id = id_in(open ? s.substr(1) : s, lower ? 0 : last_stream_id.seq);
    return !id || !open ? id : std::optional(lower ? after(*id) : before(*id));
}

inline reply entry_of(const std::pair<const stream_id, std::vector<std::string>>& e) {
    std::vector<reply> fields;
    for (const auto& f : e.second) {
        fields.push_back(reply::bulk(f));
    }
    return reply::array({reply::bulk(e.first.text()), reply::array(std::move(fields))});
}

}  // namespace wsidecar::simulation
