#include "sidecar/net/flusher.hpp"

#include <boost/asio/post.hpp>

#include "sidecar/core/prefetch.hpp"
#include "sidecar/net/client_session.hpp"

namespace wsidecar::net {

flusher::flusher(boost::asio::io_context& loop) : loop_(loop) {}

flusher::~flusher() = default;

void flusher::add(client_session& s) {
    dirty_.emplace_back(&s);
    if (!posted_) {
        posted_ = true;
        boost::asio::post(loop_.get_executor(), [this] { run(); });
    }
}

void flusher::run() {
    posted_ = false;
    working_.swap(dirty_);
    // Thousands of sessions fit in no CPU cache, so the next ones are prefetched while the kernel works.
    constexpr std::size_t ahead = 4;
    for (std::size_t i = 0; i < working_.size(); ++i) {
        if (i + ahead < working_.size()) {
            core::prefetch(working_[i + ahead].get(), core::hot_session);
        }
        working_[i]->flush();
    }
    working_.clear();
}

}  // namespace wsidecar::net
