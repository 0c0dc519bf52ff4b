#include "sidecar/cli/push.hpp"

#include <array>
#include <boost/json/parse.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "proto/envelope_signature.hpp"
#include "proto/text/utf8.hpp"
#include "sidecar/cli/admin_client.hpp"
#include "sidecar/redis/one_shot.hpp"

namespace wsidecar::cli {
namespace po = boost::program_options;
namespace {

using names = std::vector<std::string>;

names given_names(const po::variables_map& given, const char* flag) {
    return given.count(flag) != 0 ? given[flag].as<names>() : names{};
}

proto::addresses targets(const po::variables_map& given) {
    proto::addresses to;
    to.users = given_names(given, "user");
    to.aliases = given_names(given, "alias");
    to.groups = given_names(given, "group");
    to.connections = given_names(given, "connection");
    to.all = given.count("all") != 0;
    return to;
}

/// The message, or nothing after having said why.
std::optional<proto::envelope> envelope_of(const po::variables_map& given) {
    proto::envelope e;
    e.to = targets(given);
    if (e.to.empty()) {
        std::cerr << "wsidecar push: no recipient: give --user, --alias, --group, --connection or --all\n";
        return std::nullopt;
    }
    if (given.count("text") + given.count("json") + given.count("file") != 1) {
        std::cerr << "wsidecar push: no message: give TEXT, --json or --file\n";
        return std::nullopt;
    }
    e.kind = proto::payload_kind::text;
    if (given.count("text") != 0) {
        e.payload = given["text"].as<std::string>();
    } else if (given.count("json") != 0) {
        e.payload = given["json"].as<std::string>();
        boost::system::error_code ec;
        boost::json::parse(e.payload, ec);
        if (ec) {
            std::cerr << "wsidecar push: --json: " << ec.message() << '\n';
            return std::nullopt;
        }
    } else {
        const auto name = given["file"].as<std::string>();
        errno = 0;
        std::ifstream in(name, std::ios::binary);
        std::array<char, 16384> some;
        while (in.read(some.data(), some.size()), in.gcount() > 0) {
            e.payload.append(some.data(), static_cast<std::size_t>(in.gcount()));
        }
        if (!in.eof()) {  // not there, not permitted, or a directory, which opens and is not read
            std::cerr << "wsidecar push: can't read " << name << ": " << std::strerror(errno) << '\n';
            return std::nullopt;
        }
    }
    if (!proto::valid_utf8(e.payload)) {
        e.kind = proto::payload_kind::binary;
    }
    return e;
}

/// The one addressed channel that says the same as `to`; empty when there is none.
std::string channel_of(const proto::addresses& to) {
    const std::size_t count = to.users.size() + to.aliases.size() + to.groups.size() + to.connections.size() + (to.all ? 1 : 0);
    if (count != 1) {
        return {};
    }
    return to.all                ? "all"
           : !to.users.empty()   ? "user:" + to.users[0]
           : !to.aliases.empty() ? "alias:" + to.aliases[0]
           : !to.groups.empty()  ? "group:" + to.groups[0]
                                 : "connection:" + to.connections[0];
}

int push_by_admin(const config::config& c, const std::string& envelope) {
    const auto reply = call_admin(c.admin.address, "POST", "/push", envelope, c.admin.token);
    if (reply.status != 202) {
        std::cerr << "wsidecar push: " << reply.body << '\n';
        return 1;
    }
    std::cout << "accepted\n";
    return 0;
}

}  // namespace

po::options_description push_options() {
    po::options_description out("Push");
    const auto many = [] { return po::value<names>()->value_name("NAME"); };
    out.add_options()("user", many(), "to a user's connections (repeatable, like the next three)")(
        "alias", many(), "to an alias, as userId=42")("group", many(), "to a group")(
        "connection", many(), "to a connection id")("all", "to every connection")(
        "text", po::value<std::string>()->value_name("TEXT"), "the message; short: `push --user alice TEXT`")(
        "json", po::value<std::string>()->value_name("JSON"), "the message, checked to be JSON")(
        "file", po::value<std::string>()->value_name("FILE"), "a file with the message; sent as binary if it is not UTF-8")(
        "list", "through the outbox list (at least once) instead of a channel (at most once)");
    return out;
}

int push(const po::variables_map& given, const config::config& c) {
    const auto e = envelope_of(given);
    if (!e) {
        return 2;
    }
    const std::string envelope = proto::sign_envelope(proto::encode_envelope(*e), c.push.secrets);
    if (c.redis.url == "none") {
        return push_by_admin(c, envelope);
    }
    names command;
    const bool list = given.count("list") != 0;
    if (list) {
        command = {c.outbox.pop == "left" ? "RPUSH" : "LPUSH", c.prefix + c.outbox.key, envelope};
    } else {
        // An addressed channel has no place for a signature.
        const std::string channel = c.push.require_signature ? std::string() : channel_of(e->to);
        command = {c.redis.sharded ? "SPUBLISH" : "PUBLISH", c.prefix + (channel.empty() ? "push" : channel),
                   channel.empty() ? envelope : e->payload};
    }
    const auto reply = redis::run_once(c, command);
    if (!reply.error.empty()) {
        std::cerr << "wsidecar push: " << reply.error << '\n';
        return 1;
    }
    if (list) {
        std::cout << "in the outbox\n";
    } else {
        std::cout << "received by " << reply.number << (reply.number == 1 ? " pod\n" : " pods\n");
        if (reply.number == 0) {
            std::cerr << "no pod is subscribed to " << command[1] << ": is the recipient connected, and is '" << c.prefix
                      << "' the service's prefix?\n";
        }
    }
    return 0;
}

}  // namespace wsidecar::cli
