#include "sidecar/redis/link.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <utility>

#include "proto/text/ids.hpp"
#include "sidecar/redis/link_news.hpp"
#include "sidecar/redis/stream.hpp"

namespace wsidecar::redis {
namespace asio = boost::asio;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

namespace {

constexpr auto reply_limit = 4s;  ///< without a reply for longer, the connection is dead
constexpr auto prompt = 1s;       ///< after a later reply, the connection is not well
constexpr auto brief = 1s;        ///< a connection that is lost sooner counts as a failure
constexpr auto tell_again = 10s;  ///< between two reports that it cannot connect
constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

std::string_view line_of(std::string_view info, std::string_view key) {
    const auto at = info.find(key);
    if (at == std::string_view::npos) {
        return {};
    }
    const auto start = at + key.size();
    return info.substr(start, info.find_first_of("\r\n", start) - start);
}

}  // namespace

link::link(asio::io_context& loop, endpoint const& where, std::string name, core::metrics& m, link_news* news)
    : loop_(loop),
      where_(where),
      name_(std::move(name)),
      metrics_(m),
      pause_(loop),
      watch_(loop),
      deadline_(loop),
      news_(news),
      well_since_(clock::time_point::max()) {}

link::~link() {
    stop();
}

void link::start(hooks h) {
    hooks_ = std::move(h);
    asio::co_spawn(loop_, run(), asio::detached);
    watch();
}

void link::stop() {
    if (!stopped_) {
        stopped_ = true;
        *alive_ = false;
        up_ = false;
        pause_.cancel();
        watch_.cancel();
        deadline_.cancel();
        if (stream_) {
            stream_->close();
        }
    }
}

void link::send(const std::vector<std::string>& words, handler done, std::chrono::milliseconds blocking) {
    if (!up_) {
        if (done) {
            done(proto::reply_view());
        }
        return;
    }
    proto::append_command(out_, words);
    if (!hooks_.message) {
        pending_.push_back({std::move(done), clock::now(), blocking});
    }
    if (!flush_posted_ && sending_.empty()) {
        // All commands of one turn of the loop are sent in one write.
        flush_posted_ = true;
        asio::post(loop_, [this, alive = alive_] {
            if (*alive) {
                flush_posted_ = false;
                flush();
            }
        });
    }
}

void link::flush() {
    if (out_.empty() || !sending_.empty() || !stream_ || !up_) {
        return;
    }
    sending_.swap(out_);
    stream_->write(sending_, [this, alive = alive_](boost::system::error_code ec, std::size_t) {
        if (!*alive) {
            return;
        }
        sending_.clear();
        if (!ec) {
            flush();
        }  // else the read loop finds out
    });
}

void link::reset(std::string_view why) {
    if (stream_) {
        why_ = why;
        stream_->close();
    }
}

void link::redial(std::string_view why) {
    if (up_) {
        redialled_ = {clock::now(), well_since_, history_};
    }
    reset(why);
}

/// The new connection is well from now on, or has been since before redial() if it leads to the same process again.
clock::time_point link::well_from_now() {
    const auto now = clock::now();
    const auto before = std::exchange(redialled_, {});
    const bool goes_on = before && before->well_since != clock::time_point::max() && now - before->at <= prompt &&
                         !history_.empty() && history_ == before->history;
    return goes_on ? before->well_since : now;
}

void link::watch() {
    watch_.expires_after(500ms);
    watch_.async_wait([this, alive = alive_](boost::system::error_code ec) {
        if (ec || !*alive) {
            return;
        }
        if (up_ && !pending_.empty()) {
            const auto now = clock::now();
            const auto& oldest = pending_.front();
            if (now - oldest.sent - oldest.blocking > prompt) {
                well_since_ = clock::time_point::max();
            }
            // A slow connection is not dead: while bytes arrive, a reply may take longer.
            if (now - std::max(oldest.sent + oldest.blocking, last_bytes_) > reply_limit) {
                metrics_.redis_errors.at({"no_answer"}) += 1;
                reset("no answer for 4 s");
            }
        }
        watch();
    });
}

asio::awaitable<void> link::run() {
    const auto alive = alive_;
    while (!stopped_) {
        std::string problem = co_await dial();
        if (!*alive) {
            co_return;
        }
        if (problem.empty()) {
            up_ = true;
            told_.clear();
            state_ = "ok";
            well_since_ = well_from_now();
            if (was_up_) {
                metrics_.redis_reconnects.at({name_}) += 1;
            }
            was_up_ = true;
            if (news_ != nullptr) {
                news_->tell(link_news::event::connected, name_, where_.describe());
            }
            const auto since = clock::now();
            hooks_.up();
            problem = co_await read_loop();
            if (!*alive) {
                co_return;
            }
            failures_ = clock::now() - since > brief ? 0 : failures_ + 1;
        }
        const bool fell = up_;
        up_ = false;
        well_since_ = clock::time_point::max();
        if (!why_.empty()) {
            problem = std::move(why_);
            why_.clear();
        }
        state_ = problem;
        stream_->close();
        if (fell) {
            if (news_ != nullptr) {
                news_->tell(link_news::event::lost, name_, where_.describe(), problem);
            }
            fail_pending();
            hooks_.down();
        } else {
            ++failures_;
            tell_unreachable(problem);
        }
        const auto ceiling = std::min<std::uint32_t>(1000, 50U << std::min(failures_, 5U));
        pause_.expires_after(std::chrono::milliseconds(ceiling / 2 + proto::random_below(ceiling / 2 + 1)));
        co_await pause_.async_wait(use_tuple);
        if (!*alive) {
            co_return;
        }
    }
}

/// Once, and again when there is another reason.
void link::tell_unreachable(const std::string& problem) {
    if (told_.empty() || (problem != told_ && clock::now() - told_at_ > tell_again)) {
        told_ = problem;
        told_at_ = clock::now();
        if (news_ != nullptr) {
            news_->tell(link_news::event::unreachable, name_, where_.describe(), problem);
        }
    }
}

asio::awaitable<std::string> link::read_loop() {
    const auto alive = alive_;
    std::vector<char> buffer(64 * 1024);
    for (;;) {
        for (;;) {
            auto next = reader_->next();
            if (next.has_error()) {
                metrics_.redis_errors.at({next.error().reason}) += 1;
                co_return next.error().detail;
            }
            if (!*next) {
                break;
            }
            take((*next)->view());
            if (!*alive) {
                co_return "stopped";
            }
        }
        const auto [ec, n] = co_await read_some(buffer.data(), buffer.size());
        if (!*alive) {
            co_return "stopped";
        }
        if (ec) {
            co_return ec == asio::error::eof ? "closed by Redis" : ec.message();
        }
        last_bytes_ = clock::now();
        reader_->feed({buffer.data(), n});
    }
}

void link::take(proto::reply_view r) {
    if (hooks_.message) {
        hooks_.message(r);
        return;
    }
    if (pending_.empty()) {
        return;
    }
    pending p = std::move(pending_.front());
    pending_.pop_front();
    if (last_bytes_ - p.sent - p.blocking > prompt) {
        well_since_ = clock::time_point::max();
    } else if (well_since_ == clock::time_point::max()) {
        well_since_ = last_bytes_;  // the connection stood still, and goes on
    }
    if (r.is_error()) {
        const auto text = r.text();
        if (!text.starts_with("NOSCRIPT")) {  // the script is sent whole then: that is how it gets there
            metrics_.redis_errors.at({text.substr(0, std::min(text.find(' '), std::size_t{24}))}) += 1;
        }
        if (text.starts_with("READONLY") || text.starts_with("MOVED") || text.starts_with("LOADING") ||
            text.starts_with("MASTERDOWN")) {
            reset(text);
        }
    }
    if (p.done) {
        p.done(r);
    }
}

void link::note_info(std::string_view info) {
    history_ = line_of(info, "run_id:");
    const auto version = line_of(info, "redis_version:");
    std::from_chars(version.data(), version.data() + version.size(), major_version_);
}

void link::fail_pending() {
    out_.clear();
    auto lost = std::move(pending_);
    pending_.clear();
    for (auto& p : lost) {
        if (p.done) {
            p.done(proto::reply_view());
        }
    }
}

}  // namespace wsidecar::redis
