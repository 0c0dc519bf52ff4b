#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace bench {

/// How pushes get to the server under test: Redis, HTTP or Pushpin's ZeroMQ port. One connection, pipelined, so that what is
/// sent in order arrives in order. Answers are read when more is sent: waiting for them would delay the clients' own reads.
class door {
public:
    struct options {
        std::string kind = "redis";  ///< redis: PUBLISH | list: RPUSH of envelopes | http: POST /pub?id= | pushpin: ZeroMQ PUSH
        std::uint16_t port = 6379;
        std::string prefix = "wsidecar:";  ///< redis, list: of channels and keys
        std::string all = "all";           ///< redis: the channel for all, behind the prefix
    };
    /// Connected; null when that fails or the kind is unknown.
    static std::unique_ptr<door> open(const options& o);

    virtual ~door();
    door(const door&) = delete;
    door& operator=(const door&) = delete;

    /// Appended only; flush() sends.
    virtual void to_all(std::string_view m) = 0;
    virtual void to_user(std::size_t user, std::string_view m) = 0;
    /// Sends what was appended and reads the answers that are there. Ends the process when the connection is lost.
    void flush();
    /// Answers that were errors.
    std::uint64_t refused() const { return refused_; }

protected:
    explicit door(int fd) : fd_(fd) {}
    /// Takes whole answers off the front of `in`, returns their bytes; counts errors in refused_.
    virtual std::size_t answers(std::string_view in) = 0;

    int fd_;
    std::string out_;
    std::string in_;
    std::uint64_t refused_ = 0;
};

}  // namespace bench
