#include "sidecar/net/flusher.hpp"

#include <boost/asio/post.hpp>

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
    for (const auto& s : working_) {
        s->flush();
    }
    working_.clear();
}

}  // namespace wsidecar::net
