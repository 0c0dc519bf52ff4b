#include "sidecar/redis/roster.hpp"

#include <algorithm>
#include <utility>

namespace wsidecar::redis {
namespace {

/// FNV-1a with a last mixing step: the same in every build.
std::uint64_t hash_of(std::string_view name) {
    std::uint64_t h = 14695981039346656037ULL;
    for (const char c : name) {
        h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    }
    h ^= h >> 32;
    h *= 0x9E3779B97F4A7C15ULL;
    return h ^ (h >> 29);
}

}  // namespace

void roster::rename(std::string instance) {
    instance_ = std::move(instance);
    std::erase(others_, instance_);
    count();
}

void roster::take(std::int64_t number, std::vector<std::string> others) {
    number_ = number;
    others_ = std::move(others);
    std::erase(others_, instance_);
    count();
}

void roster::refresh(command_port& link, const keys& k, std::int64_t number) {
    if (number == number_) {
        return;
    }
    link.send({"HKEYS", k("instances")}, [this, number](proto::reply_view r) {
        if (!r.is_array()) {
            return;
        }
        std::vector<std::string> all;
        for (std::size_t i = 0; i < r.size(); ++i) {
            all.emplace_back(r[i].text());
        }
        take(number, std::move(all));
    });
}

void roster::add(std::string_view instance) {
    if (instance != instance_ && std::find(others_.begin(), others_.end(), instance) == others_.end()) {
        others_.emplace_back(instance);
        count();
    }
}

void roster::count() {
    const auto mine = std::pair(hash_of(instance_), std::string_view(instance_));
    rank_ = static_cast<std::size_t>(std::count_if(others_.begin(), others_.end(), [&](const auto& other) {
        return std::pair(hash_of(other), std::string_view(other)) < mine;
    }));
}

}  // namespace wsidecar::redis
