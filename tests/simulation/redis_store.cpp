#include "tests/simulation/redis_store.hpp"

#include <algorithm>

namespace wsidecar::simulation {

const value* store::find(const std::string& key) {
    const auto it = keys_.find(key);
    if (it == keys_.end()) {
        return nullptr;
    }
    if (it->second->expires != 0 && it->second->expires <= now) {
        keys_.erase(it);
        return nullptr;
    }
    return it->second.get();
}

void store::note(const std::string& key) {
    if (std::any_of(open_.begin(), open_.end(), [&](const slot& s) { return s.first == key; })) {
        return;
    }
    const auto it = keys_.find(key);
    open_.emplace_back(key, it == keys_.end() ? nullptr : it->second);
    touched_.push_back(key);
}

value* store::edit(const std::string& key) {
    if (find(key) == nullptr) {
        return nullptr;
    }
    note(key);
    auto& p = keys_[key];
    if (p.use_count() > 1) {
        p = std::make_shared<value>(*p);
    }
    return p.get();
}

void store::put(const std::string& key, value v) {
    (void)find(key);
    note(key);
    keys_[key] = std::make_shared<value>(std::move(v));
}

bool store::erase(const std::string& key) {
    if (find(key) == nullptr) {
        return false;
    }
    note(key);
    keys_.erase(key);
    return true;
}

void store::clear() {
    for (const auto& name : names()) {
        erase(name);
    }
}

bool store::commit() {
    if (open_.empty()) {
        return false;
    }
    log_.push_back(std::move(open_));
    open_.clear();
    touched_.clear();
    ++writes_;
    if (log_.size() > remembered) {
        log_.pop_front();
    }
    return true;
}

std::size_t store::rollback(std::size_t n) {
    std::size_t done = 0;
    for (; done < n && !log_.empty(); ++done) {
        for (auto& [key, old] : log_.back()) {
            if (old) {
                keys_[key] = std::move(old);
            } else {
                keys_.erase(key);
            }
        }
        log_.pop_back();
        --writes_;
    }
    return done;
}

std::vector<std::string> store::names() const {
    std::vector<std::string> out;
    for (const auto& [key, v] : keys_) {
        if (v->expires == 0 || v->expires > now) {
            out.push_back(key);
        }
    }
    std::sort(out.begin(), out.end());
    return out;
}

}  // namespace wsidecar::simulation
