#include "sidecar/redis/enrollments.hpp"

#include <algorithm>
#include <utility>

namespace wsidecar::redis {
namespace {

constexpr auto patience = std::chrono::seconds(1);  ///< the longest that a handshake waits

}  // namespace

struct enrollments::one {
    kind what = kind::enroll;
    core::registration entry;
    std::function<void(core::enroll_result)> done;
    core::enroll_result result;
    int missing = 2;  ///< the registry's answer, and the confirmation of its channels
    core::timer_port::handle deadline;

    void finish() {
        deadline.reset();
        if (const auto f = std::exchange(done, nullptr)) {
            f(result);
        }
    }
    void step() {
        if (--missing == 0) {
            finish();
        }
    }
};

void enrollments::start(hooks h) {
    hooks_ = std::move(h);
    first_contact_timer_ = timers_.after(patience, [this] { on_first_contact(); });
}

void enrollments::on_first_contact() {
    first_contact_ = true;
    first_contact_timer_.reset();
    for (const auto& e : std::exchange(early_, {})) {
        send(e);
    }
}

void enrollments::begin(kind k, const core::registration& r, std::function<void(core::enroll_result)> done) {
    const auto e = std::make_shared<one>();
    e->what = k;
    e->entry = r;
    e->done = std::move(done);
    e->deadline = timers_.after(patience, [this, weak = std::weak_ptr(e)] {
        if (const auto late = weak.lock()) {
            hung_ = true;
            late->finish();
        }
    });
    if (first_contact_) {
        send(e);
    } else {
        early_.push_back(e);  // just started: whether Redis is there shows in a moment
    }
}

void enrollments::send(const std::shared_ptr<one>& e) {
    hooks_.subscribe(e->entry, [e] { e->step(); });
    hooks_.say(e->what, e->entry, [this, e](std::optional<core::enroll_result> result) {
        hung_ = hung_ && !result;
        if (!result) {
            e->finish();  // Redis is down: at once
            return;
        }
        e->result = *result;
        result->outcome == core::enroll_outcome::done ? e->step() : e->finish();
    });
    if (hung_) {
        e->finish();
    }
}

void enrollments::drop(const std::string& connection) {
    const auto its_own = [&](const auto& e) { return e->entry.connection == connection; };
    std::vector<std::shared_ptr<one>> dropped;
    std::copy_if(early_.begin(), early_.end(), std::back_inserter(dropped), its_own);
    std::erase_if(early_, its_own);
    for (const auto& e : dropped) {
        e->finish();
    }
}

}  // namespace wsidecar::redis
