#include "sidecar/cli/explain.hpp"

#include <deque>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/json/json_scan.hpp"
#include "sidecar/cli/live_source.hpp"
#include "sidecar/cli/pointer_report.hpp"
#include "sidecar/redis/one_shot.hpp"
#include "sidecar/redis/source.hpp"

namespace wsidecar::cli {
namespace po = boost::program_options;
namespace {

const char* name_of(proto::payload_format f) {
    switch (f) {
        case proto::payload_format::text: return "text";
        case proto::payload_format::json: return "JSON";
        case proto::payload_format::jackson: return "JSON with Jackson's types";
        case proto::payload_format::jdk: return "Java serialization";
        case proto::payload_format::fastjson: return "fastjson with class names";
        case proto::payload_format::automatic: break;
    }
    return "?";
}

std::string shortened(const std::string& text) {
    constexpr std::size_t most = 2000;
    return text.size() <= most ? text : text.substr(0, most) + "... (" + std::to_string(text.size()) + " bytes)";
}

void say_names(const char* kind, const std::vector<std::string>& names) {
    for (const auto& n : names) {
        std::cout << "    " << kind << ' ' << n << '\n';
    }
}

void say_addresses(const char* what, const proto::addresses& a) {
    if (a.empty()) {
        return;
    }
    std::cout << "  " << what << ":\n";
    if (a.all) {
        std::cout << "    everybody\n";
    }
    say_names("user", a.users);
    say_names("alias", a.aliases);
    say_names("group", a.groups);
    say_names("connection", a.connections);
    say_names(a.of_broker() ? "subscribers of" : "where subscribed to /user +", a.destinations);
}

/// Who is connected, as the registry says.
class asker {
public:
    explicit asker(const config::config& c) : config_(c) {}

    void ask(const char* kind, const char* key, const char* unit, const std::vector<std::string>& names) const {
        for (const auto& n : names) {
            const auto reply = redis::run_once(config_, {"HLEN", config_.prefix + key + n});
            std::cout << "    " << kind << ' ' << n << ": ";
            if (reply.error.empty()) {
                std::cout << reply.number << unit << (reply.number == 1 ? "\n" : "s\n");
            } else {
                std::cout << reply.error << '\n';
            }
        }
    }

private:
    const config::config& config_;
};

void say_connected(const config::config& c, const proto::addresses& to) {
    const bool broker = to.of_broker();
    if (c.redis.url == "none" || (to.users.empty() && to.aliases.empty() && to.groups.empty() && !broker)) {
        return;
    }
    std::cout << "  connected now:\n";
    const asker a(c);
    a.ask("user", "presence:", " connection", to.users);
    a.ask("alias", "where:alias:", " pod", to.aliases);
    a.ask("group", "where:group:", " pod", to.groups);
    if (broker) {
        a.ask("destination", "where:destination:", " pod", to.destinations);
        a.ask("pods with patterns of destinations,", "where:pattern:", " pod", {"*"});
    }
}

/// An entry of a stream as people can write it: the bytes of the field that is the payload or, where that is the whole entry, a JSON object
/// of its fields.
class written_entry {
public:
    written_entry(const config::source& s, const std::string& payload) {
        if (!s.field.empty()) {
            entry_.fields.emplace_back(s.field, payload);
            return;
        }
        const auto members = proto::json_members(payload);
        for (const auto& [key, value] : members.value_or(std::vector<std::pair<std::string_view, std::string_view>>())) {
            texts_.push_back(proto::json_string(key).value_or(""));
            const std::string_view name = texts_.back();
            texts_.push_back(proto::json_string(value).value_or(std::string(value)));
            entry_.fields.emplace_back(name, texts_.back());
        }
    }
    const proto::stream_entry& operator*() const { return entry_; }

private:
    std::deque<std::string> texts_;
    proto::stream_entry entry_;
};

/// Whether this source takes it.
bool explain_one(const config::config& c, const config::source& s, const redis::source_reader::origin& from,
                 const std::string& payload) {
    const redis::source_reader reader(s, c.outbox.max_envelope);
    std::cout << "source " << s.channel << s.pattern << s.list << s.stream << " (line " << s.line << ")\n";
    const auto decoded = reader.decode(payload);
    if (!decoded) {
        std::cout << "  not readable: " << decoded.error().reason << ": " << decoded.error().detail << '\n';
        return false;
    }
    std::cout << "  written as: " << name_of(decoded->found) << (decoded->verbatim ? ", forwarded byte for byte" : "") << '\n';
    std::cout << "  says: " << shortened(decoded->text) << '\n';
    report_pointers(s, *decoded, std::cout);
    const auto push = s.stream.empty() ? reader.read(from, payload) : reader.read(*written_entry(s, payload));
    if (!push) {
        std::cout << "  not delivered: " << push.error().reason << ": " << push.error().detail << '\n';
        return false;
    }
    say_addresses("to", push->to);
    say_addresses("except", push->except);
    std::cout << "  they get: " << shortened(push->payload) << '\n';
    if (!push->callback.empty()) {
        std::cout << "  the app is told after delivery: " << shortened(push->callback) << '\n';
    } else if (!s.delivered.post.empty()) {
        std::cout << "  the app is not told: 'delivered.body' finds nothing\n";
    }
    say_connected(c, push->to);
    return true;
}

}  // namespace

po::options_description explain_options() {
    po::options_description out("Explain");
    out.add_options()("channel", po::value<std::string>()->value_name("NAME"),
                      "the channel that the payload would be published to; with --live, a channel or pattern of `sources`")(
        "list", po::value<std::string>()->value_name("NAME"), "the list that it would be written to")(
        "stream", po::value<std::string>()->value_name("NAME"),
        "the stream that it would be added to: the payload is that of `field` or, without it, a JSON object of the entry's "
        "fields")(
        "live",
        "explain each message as it is published, instead of a payload on standard input; nothing is removed or delivered")(
        "count", po::value<unsigned>()->value_name("N")->default_value(0),
        "with --live: end after this many messages (0: never)");
    return out;
}

namespace {

/// What an entry of `sources` reads.
enum class kind { channel, list, stream };

const char* word_of(kind k) {
    switch (k) {
        case kind::list: return "list";
        case kind::stream: return "stream";
        default: return "channel";
    }
}

/// Explains it by each entry of `sources` that reads this channel, list or stream. Nothing: there is none.
std::optional<bool> explain_payload(const config::config& c, kind of, const std::string& name, const std::string& payload) {
    std::optional<bool> taken;
    for (const auto& s : c.sources) {
        const auto stars = s.pattern.empty() || of != kind::channel ? std::nullopt : redis::stars_of(s.pattern, name);
        if (of == kind::list ? s.list == name : of == kind::stream ? s.stream == name : s.channel == name || stars) {
            const bool by_this = explain_one(c, s, {name, stars.value_or(std::vector<std::string>())}, payload);
            taken = taken.value_or(false) || by_this;
        }
    }
    return taken;
}

/// The entry of `sources` that --live watches, by its own words: a pattern is not one of the channels that it stands for.
const config::source* watched(const config::config& c, kind of, const std::string& name) {
    for (const auto& s : c.sources) {
        if (of == kind::list
                ? s.list == name
                : s.channel == name || s.pattern == name || (!s.pattern.empty() && redis::stars_of(s.pattern, name))) {
            return &s;
        }
    }
    return nullptr;
}

int explain_live(const config::config& c, kind of, const std::string& name, unsigned count) {
    const auto* source = watched(c, of, name);
    if (source == nullptr) {
        std::cerr << "wsidecar explain: no entry of 'sources' has the " << word_of(of) << ' ' << name << '\n';
        return 1;
    }
    if (c.redis.url == "none") {
        std::cerr << "wsidecar explain: --live needs Redis (redis.url is none)\n";
        return 2;
    }
    unsigned seen = 0;
    return watch_source(c, *source, name, [&](const std::string& channel, const std::string& payload) {
        std::cout << (of == kind::list ? "LIST " : "CHANNEL ") << channel << ", " << payload.size() << " bytes\n";
        explain_payload(c, of, channel, payload);
        std::cout << std::endl;
        return ++seen != count;
    });
}

}  // namespace

int explain(const po::variables_map& given, const config::config& c) {
    if (given.count("channel") + given.count("list") + given.count("stream") != 1) {
        std::cerr << "wsidecar explain: give --channel, --list or --stream, and the payload on standard input or --live\n";
        return 2;
    }
    const kind of = given.count("list") != 0 ? kind::list : given.count("stream") != 0 ? kind::stream : kind::channel;
    const auto name = given[word_of(of)].as<std::string>();
    if (given.count("live") != 0) {
        if (of == kind::stream) {
            std::cerr << "wsidecar explain: --live takes a channel or a list\n";
            return 2;
        }
        return explain_live(c, of, name, given["count"].as<unsigned>());
    }
    const std::string payload(std::istreambuf_iterator<char>(std::cin), {});
    const auto taken = explain_payload(c, of, name, payload);
    if (!taken) {
        std::cerr << "wsidecar explain: no entry of 'sources' has the " << word_of(of) << ' ' << name << '\n';
    }
    return taken.value_or(false) ? 0 : 1;
}

}  // namespace wsidecar::cli
