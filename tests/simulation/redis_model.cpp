#include "tests/simulation/redis_model.hpp"

#include <limits>

#include "proto/text/sha1.hpp"
#include "tests/simulation/lua_host.hpp"
#include "tests/simulation/redis_words.hpp"

namespace wsidecar::simulation {

bool glob_match(std::string_view p, std::string_view t) {
    while (!p.empty()) {
        if (p[0] == '*') {
            for (std::size_t i = 0; i <= t.size(); ++i) {
                if (glob_match(p.substr(1), t.substr(i))) {
                    return true;
                }
            }
            return false;
        }
        if (t.empty()) {
            return false;
        }
        if (p[0] == '[') {
            const auto end = p.find(']');
            if (end == std::string_view::npos || p.substr(1, end - 1).find(t[0]) == std::string_view::npos) {
                return false;
            }
            p.remove_prefix(end);
        } else {
            if (p[0] == '\\' && p.size() > 1) {
                p.remove_prefix(1);
                if (p[0] != t[0]) {
                    return false;
                }
            } else if (p[0] != '?' && p[0] != t[0]) {
                return false;
            }
        }
        p.remove_prefix(1);
        t.remove_prefix(1);
    }
    return t.empty();
}

const command_spec* find_command(std::string_view name) {
    static const auto table = [] {
        std::map<std::string, command_spec, std::less<>> all;
        add_key_commands(all);
        add_hash_commands(all);
        add_list_commands(all);
        add_zset_commands(all);
        add_stream_commands(all);
        add_group_commands(all);
        std::unordered_map<std::string, command_spec> fast;
        for (auto& [n, s] : all) {
            std::string lower = n;
            for (char& c : lower) {
                c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            }
            fast.emplace(lower, s);
            fast.emplace(n, s);
        }
        return fast;
    }();
    auto it = table.find(std::string(name));
    if (it == table.end()) {
        it = table.find(upper(name));
    }
    return it == table.end() ? nullptr : &it->second;
}

redis_model::redis_model(lua_host& lua, int major, std::uint64_t seed) : lua_(lua), major_(major), rng_(seed | 1U) {
    new_history();
    store_.now = clock();
}

std::uint64_t redis_model::random(std::uint64_t below) {
    rng_ ^= rng_ << 13U;
    rng_ ^= rng_ >> 7U;
    rng_ ^= rng_ << 17U;
    return rng_ % below;
}

void redis_model::new_history() {
    static constexpr char hex[] = "0123456789abcdef";
    run_id_.clear();
    for (int i = 0; i < 40; ++i) {
        run_id_ += hex[random(16)];
    }
}

std::unique_ptr<redis_model> redis_model::copy(std::uint64_t seed) const {
    auto out = std::make_unique<redis_model>(lua_, major_, seed);
    out->store_ = store_;
    out->scripts_ = scripts_;
    out->steady_ = steady_;
    out->clock_offset_ = clock_offset_;
    return out;
}

// --------------------------------------------------------------------------------------------------- clients

redis_model::client_ptr redis_model::connect(std::function<void(reply)> out) {
    auto c = std::make_shared<client>();
    c->id = next_client_++;
    c->out = std::move(out);
    clients_.push_back(c);
    return c;
}

void redis_model::disconnect(const client_ptr& c) {
    c->gone = true;
    clients_.remove(c);
    blocked_.remove_if([&](const blocked& b) { return b.who == c; });
}

void redis_model::run(const client_ptr& c, const words& argv) {
    if (c->gone || argv.empty()) {
        return;
    }
    const auto name = upper(argv[0]);
    if (name.ends_with("SUBSCRIBE")) {
        if (trouble_ == trouble::busy) {
            c->out(reply::error("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."));
            return;
        }
        (void)subscribe(*c, argv);
        return;
    }
    const bool subscribed = !c->channels.empty() || !c->patterns.empty() || !c->shard_channels.empty();
    if (subscribed && name == "PING") {
        c->out(reply::array({reply::bulk("pong"), reply::bulk(argv.size() > 1 ? argv[1] : "")}));
        return;
    }
    reply r = ask(argv);
    const bool waits =
        r.is_nil() &&
        ((name == "XREAD" && std::any_of(argv.begin(), argv.end(), [](const auto& w) { return upper(w) == "BLOCK"; })) ||
         name == "BLMOVE" || name == "BLPOP" || name == "BRPOP");
    if (waits) {
        block(c, argv);
    } else if (!c->gone) {
        c->out(std::move(r));
    }
}

reply redis_model::ask(const words& argv) {
    store_.now = clock();
    last_was_write_ = false;
    reply r = call(argv, false);
    end_write();
    return r;
}

void redis_model::end_write() {
    // What has waited for these keys is served after the command, and each that is served is a write of its own.
    for (int rounds = 0; store_.dirty() && rounds < 100; ++rounds) {
        last_was_write_ = true;
        const auto touched = store_.touched();
        store_.commit();
        for (const auto& key : touched) {
            for (auto it = blocked_.begin(); it != blocked_.end();) {
                if (std::find(it->keys.begin(), it->keys.end(), key) != it->keys.end() && serve(*it, key)) {
                    it = blocked_.erase(it);
                } else {
                    ++it;
                }
            }
        }
    }
}

/// Below 7.2 a read that had to wait is answered with the one stream that ended the wait.
bool redis_model::serve(blocked& b, const std::string& key) {
    words argv = b.argv;
    if (b.stream) {
        const auto streams = static_cast<std::size_t>(
            std::find_if(argv.begin(), argv.end(), [](const auto& w) { return upper(w) == "STREAMS"; }) - argv.begin());
        const std::size_t n = (argv.size() - streams - 1) / 2;
        const auto at = static_cast<std::size_t>(std::find(b.keys.begin(), b.keys.end(), key) - b.keys.begin());
        const std::string id = argv[streams + 1 + n + at];
        argv.resize(streams + 1);
        argv.push_back(key);
        argv.push_back(id);
    }
    const auto* spec = find_command(argv[0]);
    reply r = spec->run(*this, argv);
    if (r.is_nil()) {
        return false;
    }
    b.who->out(std::move(r));
    return true;
}

void redis_model::block(const client_ptr& c, const words& argv) {
    blocked b{c, argv, {}, 0, false};
    const auto name = upper(argv[0]);
    if (name == "XREAD") {
        b.stream = true;
        std::size_t i = 1;
        for (; upper(argv[i]) != "STREAMS"; i += 2) {
            if (upper(argv[i]) == "BLOCK") {
                const auto ms = integer_in(argv[i + 1]).value_or(0);
                b.deadline = ms > 0 ? steady_ + ms : 0;
            }
        }
        const std::size_t n = (argv.size() - i - 1) / 2;
        for (std::size_t k = 0; k < n; ++k) {
            b.keys.push_back(argv[i + 1 + k]);
            auto& id = b.argv[i + 1 + n + k];
            if (id == "$") {
                bool wrong = false;
                const auto* s = read<stream_value>(*this, b.keys.back(), wrong);
                id = s ? s->last.text() : "0-0";
            }
        }
    } else {
        const auto seconds = double_in(argv.back()).value_or(0);
        b.deadline = seconds > 0 ? steady_ + std::max<std::int64_t>(1, static_cast<std::int64_t>(seconds * 1000)) : 0;
        if (name == "BLMOVE") {
            b.keys.push_back(argv[1]);
        } else {
            b.keys.assign(argv.begin() + 1, argv.end() - 1);
        }
    }
    blocked_.push_back(std::move(b));
}

void redis_model::set_time(std::int64_t steady) {
    steady_ = steady;
    for (auto it = blocked_.begin(); it != blocked_.end();) {
        if (it->deadline != 0 && it->deadline <= steady_) {
            const auto who = it->who;
            const bool list = upper(it->argv[0]) == "BLMOVE";
            it = blocked_.erase(it);
            who->out(list ? reply::nil() : reply::nil_array());
        } else {
            ++it;
        }
    }
}

std::int64_t redis_model::next_deadline() const {
    auto out = std::numeric_limits<std::int64_t>::max();
    for (const auto& b : blocked_) {
        out = b.deadline != 0 ? std::min(out, b.deadline) : out;
    }
    return out;
}

std::size_t redis_model::lose_writes(std::size_t n) {
    return store_.rollback(n);
}

// ---------------------------------------------------------------------------------------------- one command

reply redis_model::refused(unsigned flags, const words& argv, bool from_script) {
    if (trouble_ == trouble::busy && !from_script) {
        return reply::error("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.");
    }
    if (trouble_ == trouble::read_only && (flags & writes) != 0) {
        return reply::error("READONLY You can't write against a read only replica.");
    }
    if (trouble_ == trouble::full && (flags & fills) != 0 && !(from_script && script_may_fill_)) {
        return reply::error("OOM command not allowed when used memory > 'maxmemory'.");
    }
    if (trouble_ == trouble::migrating) {
        return not_local(argv, flags, from_script);
    }
    return reply::none();
}

/// A node whose slot is on its way elsewhere says no to keys that it has not.
reply redis_model::not_local(const words& argv, unsigned, bool from_script) {
    const auto* spec = find_command(argv[0]);
    if (spec->first_key == 0) {
        return reply::none();
    }
    const int last = spec->last_key < 0 ? static_cast<int>(argv.size()) + spec->last_key : spec->last_key;
    for (int i = spec->first_key; i <= last && i < static_cast<int>(argv.size()); ++i) {
        if (store_.find(argv[static_cast<std::size_t>(i)]) == nullptr) {
            return reply::error(from_script ? "ERR Script attempted to access a non local key in a cluster node"
                                            : "ASK 8430 127.0.0.1:7001");
        }
    }
    return reply::none();
}

reply redis_model::call(const words& argv, bool from_script) {
    const auto* spec = find_command(argv[0]);
    if (spec == nullptr) {
        return reply::error(from_script ? "ERR Unknown Redis command called from script"
                                        : "ERR unknown command '" + argv[0] + "', with args beginning with: ");
    }
    if (spec->arity > 0 ? static_cast<int>(argv.size()) != spec->arity : static_cast<int>(argv.size()) < -spec->arity) {
        return reply::error(from_script ? "ERR Wrong number of args calling Redis command from script"
                                        : "ERR wrong number of arguments for '" + argv[0] + "' command");
    }
    if (from_script) {
        ++calls;
        if ((spec->flags & not_in_scripts) != 0) {
            return reply::error("ERR This Redis command is not allowed from script");
        }
    }
    if (trouble_ != trouble::none) {
        if (reply r = refused(spec->flags, argv, from_script); r.is != reply::kind::none) {
            return r;
        }
    }
    if (from_script && (spec->flags & writes) != 0) {
        script_may_fill_ = true;
    }
    return spec->run(*this, argv);
}

// --------------------------------------------------------------------------------------------------- scripts

reply redis_model::eval(const words& argv, bool by_sum) {
    std::string sum = by_sum ? argv[1] : proto::sha1_hex(argv[1]);
    std::transform(sum.begin(), sum.end(), sum.begin(), [](unsigned char c) { return std::tolower(c); });
    const auto known = scripts_.find(sum);
    if (by_sum && known == scripts_.end()) {
        return reply::error("NOSCRIPT No matching script. Please use EVAL.");
    }
    const auto n = integer_in(argv[2]);
    if (!n) {
        return not_integer();
    }
    if (*n < 0) {
        return reply::error("ERR Number of keys can't be negative");
    }
    if (*n > static_cast<std::int64_t>(argv.size()) - 3) {
        return reply::error("ERR Number of keys can't be greater than number of args");
    }
    const std::vector<std::string> keys(argv.begin() + 3, argv.begin() + 3 + *n);
    const std::vector<std::string> arguments(argv.begin() + 3 + *n, argv.end());
    const std::string& source = by_sum ? known->second : argv[1];
    if (!by_sum) {
        if (auto why = lua_.compile(sum, source); !why.empty()) {
            return reply::error(std::move(why));
        }
        scripts_[sum] = source;
    }
    bool may_fill = false;
    if (source.starts_with("#!")) {
        const auto line = source.substr(0, source.find('\n'));
        if (major_ < 7) {
            return reply::error("ERR Error compiling script (new function): user_script:1: unexpected symbol near '#'");
        }
        may_fill = line.find("allow-oom") != std::string::npos;
        if (trouble_ == trouble::read_only && line.find("no-writes") == std::string::npos) {
            return reply::error("READONLY You can't write against a read only replica.");
        }
        if (trouble_ == trouble::full && !may_fill && line.find("no-writes") == std::string::npos) {
            return reply::error("OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'");
        }
    }
    if (trouble_ == trouble::migrating) {
        for (const auto& key : keys) {
            if (store_.find(key) == nullptr) {
                return reply::error("ASK 8430 127.0.0.1:7001");
            }
        }
    }
    in_script_ = true;
    script_may_fill_ = may_fill;
    calls = 0;
    reply out = lua_.run(*this, sum, source, keys, arguments);
    in_script_ = false;
    if (calls > most_calls_) {
        most_calls_ = calls;
        most_calls_script_ = sum;
    }
    return out;
}

reply redis_model::script_command(const words& argv) {
    const auto sub = upper(argv[1]);
    if (sub == "FLUSH") {
        scripts_.clear();
        return reply::ok();
    }
    if (sub == "LOAD" && argv.size() == 3) {
        const auto sum = proto::sha1_hex(argv[2]);
        if (auto why = lua_.compile(sum, argv[2]); !why.empty()) {
            return reply::error(std::move(why));
        }
        scripts_[sum] = argv[2];
        return reply::bulk(sum);
    }
    if (sub == "EXISTS") {
        std::vector<reply> out;
        for (std::size_t i = 2; i < argv.size(); ++i) {
            out.push_back(reply::integer(scripts_.contains(argv[i])));
        }
        return reply::array(std::move(out));
    }
    return syntax_error();
}

std::string redis_model::title_of(const std::string& sum_or_source, bool source) const {
    const std::string sum = source ? proto::sha1_hex(sum_or_source) : sum_or_source;
    const auto it = scripts_.find(sum);
    const std::string& text = source ? sum_or_source : it == scripts_.end() ? sum : it->second;
    const auto at = text.find("-- ");
    const bool comment = at != std::string::npos && text.substr(0, at).find_first_not_of("\n") == std::string::npos;
    return "<" + (comment ? text.substr(at + 3, std::min<std::size_t>(text.find('\n', at) - at - 3, 40)) : sum.substr(0, 6)) +
           ">";
}

reply redis_model::info(const std::string& section) const {
    std::string out = "# " + section + "\r\n";
    out += std::string("redis_version:") + (major_ >= 7 ? "7.0.15" : "6.2.14") + "\r\n";
    out += "run_id:" + run_id_ + "\r\nmaster_replid:" + run_id_ + "\r\nrole:master\r\nmaxmemory_policy:noeviction\r\n";
    return reply::bulk(out);
}

}  // namespace wsidecar::simulation
