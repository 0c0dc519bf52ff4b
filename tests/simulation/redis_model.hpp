#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simulation/redis_reply.hpp"
#include "tests/simulation/redis_store.hpp"

namespace wsidecar::simulation {

class lua_host;
using words = std::vector<std::string>;

/// A Redis in memory: the commands that scripts and instances use, scripts by a real Lua, blocking, pub/sub, expiry on a clock that
/// the test moves. Held equal to a real one by differential_test.cpp.
class redis_model {
public:
    /// A connection, seen from Redis.
    struct client {
        std::uint64_t id = 0;
        std::function<void(reply)> out;  ///< replies and messages, in order
        std::set<std::string> channels, patterns, shard_channels;
        bool gone = false;
    };
    using client_ptr = std::shared_ptr<client>;

    enum class trouble { none, full, read_only, busy, migrating };

    redis_model(lua_host& lua, int major, std::uint64_t seed);

    // ------------------------------------------------------------- as a server
    client_ptr connect(std::function<void(reply)> out);
    void disconnect(const client_ptr& c);
    /// Runs a command; its reply goes to the client, now or, when it blocks, later.
    void run(const client_ptr& c, const words& argv);
    /// Runs a command that nobody waits for, as redis-cli would.
    reply ask(const words& argv);

    // ------------------------------------------------------------- the test's hands
    /// Lets time pass: what waited too long is answered. `steady`: ms that only grow.
    void set_time(std::int64_t steady);
    /// Steps the clock that TIME and expiry go by.
    void step_clock(std::int64_t by) { clock_offset_ += by; }
    std::int64_t clock() const { return steady_ + clock_offset_; }
    /// When the next blocked command is due; max: none is.
    std::int64_t next_deadline() const;
    /// A failover, or a restart from what was on the disk: the last n writes never were. Clients are to be dropped by the caller.
    std::size_t lose_writes(std::size_t n);
    /// Another process, or another master, begins: a new run_id.
    void new_history();
    /// A copy with data and scripts, without clients.
    std::unique_ptr<redis_model> copy(std::uint64_t seed) const;
    void set_trouble(trouble t) { trouble_ = t; }
    trouble in_trouble() const { return trouble_; }
    const std::string& run_id() const { return run_id_; }
    int major() const { return major_; }
    store& data() { return store_; }
    const store& data() const { return store_; }
    void flush_scripts() { scripts_.clear(); }

    /// For people: the script's first comment, or the begin of its SHA-1.
    std::string title_of(const std::string& sum_or_source, bool source) const;

    // ------------------------------------------------------------- what was seen
    std::size_t most_calls() const { return most_calls_; }  ///< of one script
    const std::string& most_calls_script() const { return most_calls_script_; }
    bool last_was_write() const { return last_was_write_; }

    // ------------------------------------------------------------- for commands and lua_host
    reply call(const words& argv, bool from_script);
    std::size_t calls = 0;  ///< of the script that runs
    std::uint64_t random(std::uint64_t below);
    store& keys() { return store_; }
    bool in_script() const { return in_script_; }
    std::int64_t publish(const std::string& channel, const std::string& payload, bool shard);
    reply subscribe(client& c, const words& argv);
    reply eval(const words& argv, bool by_sum);
    reply script_command(const words& argv);
    reply info(const std::string& section) const;

private:
    struct blocked {
        client_ptr who;
        words argv;
        std::vector<std::string> keys;
        std::int64_t deadline;  ///< steady; 0: never
        bool stream;
    };
    void block(const client_ptr& c, const words& argv);
    void end_write();
    bool serve(blocked& b, const std::string& key);
    reply refused(unsigned flags, const words& argv, bool from_script);
    reply not_local(const words& argv, unsigned flags, bool from_script);

    lua_host& lua_;
    int major_;
    store store_;
    std::map<std::string, std::string, std::less<>> scripts_;  ///< by SHA-1
    std::list<client_ptr> clients_;
    std::list<blocked> blocked_;
    std::int64_t steady_ = 0;
    std::int64_t clock_offset_ = 1'795'000'000'000;
    std::string run_id_;
    trouble trouble_ = trouble::none;
    bool in_script_ = false;
    bool script_may_fill_ = false;  ///< allow-oom, or it has written
    bool last_was_write_ = false;
    std::uint64_t rng_;
    std::uint64_t next_client_ = 1;
    std::size_t most_calls_ = 0;
    std::string most_calls_script_;
};

/// One command.
struct command_spec {
    reply (*run)(redis_model&, const words&) = nullptr;
    int arity = 0;  ///< with its name; negative: at least
    unsigned flags = 0;
    int first_key = 0;  ///< 0: none
    int last_key = 0;   ///< negative: from the end
};
enum command_flag : unsigned { writes = 1, fills = 2, not_in_scripts = 4 };

const command_spec* find_command(std::string_view name);
/// The parts of the table; each in a file of its own.
void add_key_commands(std::map<std::string, command_spec, std::less<>>& to);
void add_hash_commands(std::map<std::string, command_spec, std::less<>>& to);
void add_list_commands(std::map<std::string, command_spec, std::less<>>& to);
void add_zset_commands(std::map<std::string, command_spec, std::less<>>& to);
void add_stream_commands(std::map<std::string, command_spec, std::less<>>& to);
void add_group_commands(std::map<std::string, command_spec, std::less<>>& to);

}  // namespace wsidecar::simulation
