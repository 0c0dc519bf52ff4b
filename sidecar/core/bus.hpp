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

/// The functions that app/ connects a bus to. They run on the event loop.
struct bus_hooks {
    push_port* pushes = nullptr;
    /// Sends a dead instance's disconnect event (gateway::disconnect_on_behalf).
    std::function<void(const lost_connection&, std::function<void(bool)>)> disconnect_on_behalf;
    /// Sends pending callbacks to this instance's app (gateway::tell).
    std::function<void(const std::string& path, std::string body, const std::string& id, std::function<void(bool)>)> tell;
    /// Returns this instance's answer to a question of another instance (bus::ask_all).
    std::function<std::string(std::string_view question)> answer;
    /// This instance has a new id, because the old one was declared dead.
    std::function<void(const std::string& instance)> renamed;
    /// This instance cannot run beside the live ones, for example because its configuration differs. The process exits with 2.
    std::function<void(const std::string& why)> fatal;
};

/// The state of Redis, described for operators.
struct bus_status {
    bool ok = false;
    std::string words;  ///< "ok", "none", or a description of the problem
};

/// What Redis has about a user, for operators.
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
        std::string why;  ///< which deadline `until` is: ttl | age | grace
    };
    bool answered = false;               ///< whether Redis answered
    std::vector<std::string> instances;  ///< all registered instances
    std::vector<entry> connections;      ///< the user's, on all pods
    std::size_t kept = 0;                ///< pushes in the user's mailbox
    std::size_t kept_bytes = 0;
    std::vector<kept_push> mailbox;  ///< the oldest of them
    std::chrono::milliseconds waited_for{
        -1};  ///< how much longer pushes are kept after the user's last connection ended; -1 if they are not
};

/// The instances' answers to a question.
struct answers {
    bool asked = false;                  ///< whether Redis took the question
    std::vector<std::string> instances;  ///< all registered instances
    std::vector<std::string> texts;      ///< the answers, in the order of arrival
};

/// An entry of a list in Redis that belongs to the push that was looked for.
struct sighting {
    std::size_t place = 0;  ///< position in the order in which the list is consumed; 0 is next
    std::string time;       ///< in rejected and receipts: RFC 3339
    std::string what;  ///< rejected: the reason; receipts: the outcome; mailboxes: which deadline `until` is: ttl | age | grace
    std::string reason;                           ///< receipts
    std::string name;                             ///< in receipts: of the user or connection
    std::chrono::system_clock::time_point until;  ///< in mailboxes: the deadline
};
struct sightings {
    bool answered = false;   ///< whether Redis answered
    std::size_t length = 0;  ///< entries in the list
    std::size_t looked = 0;  ///< entries that were read; the script's work is bounded
    std::vector<sighting> found;
};
enum class list_kind : std::uint8_t { outbox, returned, parked, rejected, receipts, mailbox };

/// The bus as app/ uses it. Implemented by redis/bus, and by app/local_bus for `redis.url: none`. Event loop only.
class bus : public bus_port {
public:
    /// Begins to connect. Callbacks run on the event loop.
    virtual void start(bus_hooks hooks) = 0;
    virtual bus_status status() const = 0;
    /// Puts one envelope (a JSON text that has been decoded successfully) into the outbox, for POST /push. `done` gets the problem
    /// `redis_down` if that fails.
    virtual void push(const std::string& envelope, std::function<void(std::optional<problem>)> done) = 0;
    /// Reads what Redis has about a user, or with an empty name only the instances. With `redis.url: none`, only `answered` is set.
    virtual void look_up(const std::string& user, std::function<void(registry_view)> done) = 0;
    /// Asks all other instances through Redis. `done` runs when all have answered, after 1.5 s at the latest. At most `answers_at_most`
    /// answers of `answer_bytes_at_most` bytes each are read.
    virtual void ask_all(const std::string& question, std::function<void(answers)> done) = 0;
    /// Looks for a push in a list of Redis. `name` is that of a mailbox (with its kind in front) or the key of a list of receipts.
    virtual void seek(list_kind kind, const std::string& name, const std::string& id, std::function<void(sightings)> done) = 0;
    /// Reads the size of the history of a name (with its kind in front). Sets `answered`, `kept` and `kept_bytes`.
    virtual void look_up_history(const std::string& target, std::function<void(registry_view)> done) {
        (void)target;
        registry_view view;
        view.answered = true;
        done(std::move(view));
    }
    /// Sets new credentials and certificates for future connections to Redis.
    virtual void configure(const config::redis& settings) = 0;
    /// Takes no new work (router, reaper, inbox), and lets work under way finish. This is the first step of leaving.
    virtual void wind_down() = 0;
    /// Hands undelivered pushes to other instances and leaves the registry. `done` runs within 1.5 s, whatever Redis does.
    virtual void leave(std::function<void()> done) = 0;
    /// Closes every connection to Redis. No callback runs afterwards.
    virtual void stop() = 0;
};

}  // namespace wsidecar::core
