#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "proto/text/result.hpp"
#include "sidecar/core/ports.hpp"

namespace wsidecar::core {

inline constexpr std::size_t answers_at_most = 256;
inline constexpr std::size_t answer_bytes_at_most = 16 * 1024;

/// What app/ wires a bus to.
struct bus_hooks {
    push_port* pushes = nullptr;
    /// A survivor's disconnect event (gateway::disconnect_on_behalf).
    std::function<void(const lost_connection&, std::function<void(bool)>)> disconnect_on_behalf;
    /// Tells this pod's app of deliveries (gateway::tell).
    std::function<void(const std::string& path, std::string body, const std::string& id, std::function<void(bool)>)> tell;
    /// What this instance says to a question that one of the instances asks of all (bus::ask_all).
    std::function<std::string(std::string_view question)> answer;
    /// This instance has a new id (fenced under the old one).
    std::function<void(const std::string& instance)> renamed;
    /// Cannot go on: configured otherwise than the live instances. The process exits with 2.
    std::function<void(const std::string& why)> fatal;
};

/// How Redis is, in words.
struct bus_status {
    bool ok = false;
    std::string words;  ///< "ok", "none", or what is wrong
};

/// What Redis says about a user, for an operator.
struct registry_view {
    struct entry {
        std::string connection;
        std::string instance;
        std::string path;
        std::string since;  ///< RFC 3339
    };
    struct kept_push {
        std::string id;
        std::size_t bytes = 0;
        std::chrono::system_clock::time_point until;
        std::string why;  ///< how it ends then: ttl | age | grace
    };
    bool answered = false;               ///< false: Redis did not
    std::vector<std::string> instances;  ///< all that are registered
    std::vector<entry> connections;      ///< the user's, on all pods
    std::size_t kept = 0;                ///< pushes in the user's mailbox
    std::size_t kept_bytes = 0;
    std::vector<kept_push> mailbox;            ///< the oldest of them
    std::chrono::milliseconds waited_for{-1};  ///< the last connection has just ended: what comes is kept so long; -1: no
};

/// What the instances say to a question.
struct answers {
    bool asked = false;                  ///< false: Redis did not take the question
    std::vector<std::string> instances;  ///< all that are registered
    std::vector<std::string> texts;      ///< in the order in which they came
};

/// Where a list of Redis has a push with some id.
struct sighting {
    std::size_t place = 0;  ///< in the order in which the list is read; 0: next
    std::string time;       ///< rejected, receipts: RFC 3339
    std::string what;       ///< rejected: the reason; receipts: the outcome; mailboxes: why it is kept: ttl | age | grace
    std::string reason;     ///< receipts
    std::string name;       ///< receipts: of the user or connection
    std::chrono::system_clock::time_point until;  ///< mailboxes
};
struct sightings {
    bool answered = false;   ///< false: Redis did not
    std::size_t length = 0;  ///< of the list
    std::size_t looked = 0;  ///< entries of it that were looked at: the script's work is bounded
    std::vector<sighting> found;
};
enum class list_kind : std::uint8_t { outbox, returned, parked, rejected, receipts, mailbox };

/// The bus as app/ sees it: redis/bus, or app/local_bus with `redis.url: none`.
class bus : public bus_port {
public:
    /// Begins to connect. Callbacks run from the event loop.
    virtual void start(bus_hooks hooks) = 0;
    virtual bus_status status() const = 0;
    /// POST /push: puts one envelope (its JSON text, decoded without a problem before) into the outbox. Problem `redis_down`.
    virtual void push(const std::string& envelope, std::function<void(std::optional<problem>)> done) = 0;
    /// Asks Redis about a user (empty: about the instances only). With `redis.url: none` only `answered` is set.
    virtual void look_up(const std::string& user, std::function<void(registry_view)> done) = 0;
    /// Asks all instances, this one left out, through Redis; `done` once all have answered, within 1.5 s. Answers are bounded:
    /// `answers_at_most` of `answer_bytes_at_most` each.
    virtual void ask_all(const std::string& question, std::function<void(answers)> done) = 0;
    /// Looks for a push in a list of Redis. `name`: of a mailbox (its kind in front), or the key of receipts.
    virtual void seek(list_kind kind, const std::string& name, const std::string& id, std::function<void(sightings)> done) = 0;
    /// The same about the history of a name (with its kind in front): `answered`, `kept` and `kept_bytes` are set.
    virtual void look_up_history(const std::string& target, std::function<void(registry_view)> done) {
        (void)target;
        registry_view view;
        view.answered = true;
        done(std::move(view));
    }
    /// New credentials and certificates, for connections to Redis that are made from now on.
    virtual void configure(const config::redis& settings) = 0;
    /// Takes no new work (router, reaper, inbox); what is under way may finish. First step of leaving.
    virtual void wind_down() = 0;
    /// Hands on what is undelivered and leaves the registry; `done` within 1.5 s whatever Redis does.
    virtual void leave(std::function<void()> done) = 0;
    /// Closes every connection; no callback runs any more.
    virtual void stop() = 0;
};

}  // namespace wsidecar::core
