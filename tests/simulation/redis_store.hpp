#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace wsidecar::simulation {

struct stream_id {
    std::uint64_t ms = 0;
    std::uint64_t seq = 0;
    auto operator<=>(const stream_id&) const = default;
    std::string text() const { return std::to_string(ms) + '-' + std::to_string(seq); }
};

using list_value = std::deque<std::string>;
using hash_value = std::map<std::string, std::string, std::less<>>;
using set_value = std::set<std::string, std::less<>>;
struct zset_value {
    std::map<std::string, double, std::less<>> scores;
    std::set<std::pair<double, std::string>> order;
};
/// What a consumer group has read.
struct stream_group {
    struct pending {
        std::string consumer;
        std::int64_t delivered = 0;  ///< ms of Redis' clock
        std::int64_t times = 0;
    };
    stream_id last;  ///< up to here it has been given
    std::map<stream_id, pending> unacknowledged;
};
struct stream_value {
    std::map<stream_id, std::vector<std::string>> entries;
    stream_id last;
    stream_id max_deleted;
    std::uint64_t added = 0;
    std::map<std::string, stream_group, std::less<>> groups;
};

struct value {
    std::variant<std::string, list_value, hash_value, set_value, zset_value, stream_value> data;
    std::int64_t expires = 0;  ///< ms of Redis' clock; 0: never
};

/// Redis' data: values by key, their expiry, and a log by which the last writes can be taken back. A write is what one command, or
/// one script, does.
class store {
public:
    std::int64_t now = 0;  ///< ms of Redis' clock

    /// Null: not there, or expired.
    const value* find(const std::string& key);
    /// For changing; null as find().
    value* edit(const std::string& key);
    /// For changing; made empty, with data of type T, where there is none.
    template <class T>
    value& make(const std::string& key) {
        if (auto* v = edit(key)) {
            return *v;
        }
        note(key);
        auto fresh = std::make_shared<value>();
        fresh->data = T();
        return *(keys_[key] = std::move(fresh));
    }
    void put(const std::string& key, value v);
    bool erase(const std::string& key);
    void clear();

    /// The end of a write: what was changed since the last one. False: nothing was.
    bool commit();
    bool dirty() const { return !open_.empty(); }
    /// Keys changed since the last commit, in order.
    const std::vector<std::string>& touched() const { return touched_; }
    /// Writes so far; less after a rollback.
    std::uint64_t writes() const { return writes_; }
    /// Takes back the last n writes, as far as they are remembered. Returns how many.
    std::size_t rollback(std::size_t n);

    std::vector<std::string> names() const;
    std::size_t size() const { return keys_.size(); }

private:
    using slot = std::pair<std::string, std::shared_ptr<value>>;
    void note(const std::string& key);

    static constexpr std::size_t remembered = 1000;
    std::unordered_map<std::string, std::shared_ptr<value>> keys_;
    std::vector<slot> open_;
    std::vector<std::string> touched_;
    std::deque<std::vector<slot>> log_;
    std::uint64_t writes_ = 0;
};

}  // namespace wsidecar::simulation
