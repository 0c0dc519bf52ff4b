#pragma once

#include <hiredis/hiredis.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/redis_reply.hpp"

extern char** environ;

namespace wsidecar::simulation {

/// A redis-server of its own, on a Unix socket, without persistence.
class real_redis {
public:
    explicit real_redis(const std::string& binary) {
        char pattern[] = "/tmp/wsidecar-sim-XXXXXX";
        folder_ = mkdtemp(pattern);
        const std::string socket = folder_ + "/redis.sock";
        std::vector<std::string> args{binary,  "--port",       "0",  "--unixsocket", socket,          "--save", "", "--dir",
                                      folder_, "--appendonly", "no", "--logfile",    folder_ + "/log"};
        std::vector<char*> argv;
        for (auto& a : args) {
            argv.push_back(a.data());
        }
        argv.push_back(nullptr);
        if (posix_spawnp(&pid_, binary.c_str(), nullptr, nullptr, argv.data(), environ) != 0) {
            pid_ = 0;
            return;
        }
        for (int i = 0; i < 200 && !context_; ++i) {
            context_.reset(redisConnectUnix(socket.c_str()));
            if (context_ && context_->err != 0) {
                context_.reset();
                usleep(20000);
            }
        }
    }
    ~real_redis() {
        context_.reset();
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
        std::error_code ec;
        std::filesystem::remove_all(folder_, ec);
    }
    bool up() const { return context_ != nullptr; }

    reply ask(const std::vector<std::string>& words) {
        std::vector<const char*> argv;
        std::vector<std::size_t> sizes;
        for (const auto& w : words) {
            argv.push_back(w.data());
            sizes.push_back(w.size());
        }
        std::unique_ptr<redisReply, void (*)(redisReply*)> r(
            static_cast<redisReply*>(
                redisCommandArgv(context_.get(), static_cast<int>(argv.size()), argv.data(), sizes.data())),
            [](redisReply* x) { freeReplyObject(x); });
        return r ? convert(*r) : reply::error("gone");
    }

private:
    static reply convert(const redisReply& r) {
        const std::string text(r.str ? r.str : "", r.len);
        switch (r.type) {
            case REDIS_REPLY_INTEGER: return reply::integer(r.integer);
            case REDIS_REPLY_STATUS: return reply::status(text);
            case REDIS_REPLY_ERROR: return reply::error(text);
            case REDIS_REPLY_STRING: return reply::bulk(text);
            case REDIS_REPLY_ARRAY: {
                std::vector<reply> items;
                for (std::size_t i = 0; i < r.elements; ++i) {
                    items.push_back(convert(*r.element[i]));
                }
                return reply::array(std::move(items));
            }
            default: return reply::nil();
        }
    }
    struct closer {
        void operator()(redisContext* c) const { redisFree(c); }
    };
    std::string folder_;
    pid_t pid_ = 0;
    std::unique_ptr<redisContext, closer> context_;
};

}  // namespace wsidecar::simulation
