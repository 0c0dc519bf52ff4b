#include "sidecar/redis/commit_actions.hpp"

#include <iterator>
#include <utility>

#include "sidecar/redis/keys.hpp"

namespace wsidecar::redis {

void commit_actions::add(std::string id, std::initializer_list<std::string> words) {
    to_.ids.push_back(std::move(id));
    to_.actions.insert(to_.actions.end(), words);
}

void commit_actions::one(std::string target, std::string envelope, std::string id) {
    to_.actions.emplace_back("one");
    to_.actions.push_back(std::move(target));
    to_.actions.push_back(std::move(envelope));
    to_.ids.push_back(std::move(id));
}

void commit_actions::push(const proto::envelope& e, const outbox_entry& from, push_options o,
                          const std::vector<std::string>& names) {
    add(e.id,
        {"push", std::move(o.envelope), std::to_string(from.attempts), std::string(from.order), from.tally, e.receipt, e.id,
         std::move(o.expires), o.keep ? "m" : "", std::move(o.single), joined(e.join), std::to_string(names.size())});
    to_.actions.insert(to_.actions.end(), names.begin(), names.end());
}

void commit_actions::history(std::vector<std::string> words) {
    add({}, {"history", std::to_string(words.size())});
    to_.actions.insert(to_.actions.end(), std::make_move_iterator(words.begin()), std::make_move_iterator(words.end()));
}

void commit_actions::reject(const char* label, std::string record, batch::told told) {
    to_.rejected.emplace_back(label);
    to_.rejected_told.push_back(std::move(told));
    add({}, {"reject", std::move(record)});
}

void commit_actions::note(const proto::envelope& e, const std::string& target, const char* outcome, const char* reason,
                          const outbox_entry& from) {
    to_.ended_here.push_back({e.id, target, outcome, reason});
    if (!e.receipt.empty() || !from.tally.empty()) {
        add({}, {"note", e.receipt, e.id, target, outcome, reason, from.tally, std::string(from.order)});
    }
}

void commit_actions::release_body(std::string_view body) {
    add({}, {"done", std::string(body)});
}

void commit_actions::add_part(std::string_view tally) {
    add({}, {"more", std::string(tally)});
}

void commit_actions::count(std::string_view tally, std::string parts, const proto::envelope& e) {
    add({}, {"tally", std::string(tally), std::move(parts), e.receipt, e.id});
}

void commit_actions::send(unsigned shard, std::string item, std::string id) {
    ++to_.sent;
    add(std::move(id), {"send", std::to_string(shard), std::move(item)});
}

}  // namespace wsidecar::redis
