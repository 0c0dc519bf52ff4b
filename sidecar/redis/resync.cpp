#include "sidecar/redis/resync.hpp"

#include <algorithm>
#include <utility>

#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis {
namespace {

constexpr std::size_t enrolling_at_once = 200;

}  // namespace

void resync::begin(const std::string& instance, bool everything) {
    instance_ = instance;
    waiting_.clear();
    skipped_.clear();
    if (everything || !marked_.empty()) {
        for (auto& r : hooks_.all()) {
            if (everything || marked_.contains(r.connection)) {
                waiting_.push_back(std::move(r));
            }
        }
    }
    marked_.clear();
    if (everything) {
        comparison_ = comparison::under_way;
        compare("0");
    }
    for (std::size_t i = 0; i < enrolling_at_once && !waiting_.empty(); ++i) {
        enroll_next();
    }
    check();
}

void resync::on_down() {
    comparison_ = comparing() ? comparison::none : comparison_;
}

void resync::clear() {
    marked_.clear();
    waiting_.clear();
    skipped_.clear();
}

void resync::skip(const std::string& connection) {
    // Looked up when its turn comes: all clients may leave while all are being registered again, and each would search the whole list.
    if (!waiting_.empty()) {
        skipped_.insert(connection);
    }
}

/// Goes through the connections that Redis has of this instance, a part at a time.
void resync::compare(const std::string& cursor) {
    scripts::roll.run(link_, keys_("conns:", instance_), {keys_.prefix, instance_, cursor}, [this](proto::reply_view r) {
        if (!comparing()) {
            return;
        }
        if (!r.is_array() || r.size() != 2) {
            comparison_ = comparison::none;
            return;  // at the next heartbeat
        }
        for (std::size_t i = 0; i < r[1].size(); ++i) {
            hooks_.found(std::string(r[1][i].text()));
        }
        if (r[0].text() != "0") {
            compare(std::string(r[0].text()));
            return;
        }
        comparison_ = comparison::done;
        check();
    });
}

void resync::enroll_next() {
    while (!waiting_.empty() && skipped_.contains(waiting_.back().connection)) {
        waiting_.pop_back();
    }
    if (waiting_.empty()) {
        skipped_.clear();
        check();
        return;
    }
    const auto r = std::move(waiting_.back());
    waiting_.pop_back();
    ++enrolling_;
    hooks_.enroll(r, [this] {
        --enrolling_;
        if (!hooks_.well()) {
            return;
        }
        if (!waiting_.empty()) {
            enroll_next();
        } else {
            check();
        }
    });
}

void resync::check() {
    if (enrolling_ == 0 && waiting_.empty() && marked_.empty() && comparison_ == comparison::done) {
        hooks_.done();
    }
}

}  // namespace wsidecar::redis
