#include "sidecar/cli/trace.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <iostream>

#include "proto/text/percent.hpp"
#include "sidecar/cli/admin_client.hpp"
#include "sidecar/cli/printable.hpp"

namespace wsidecar::cli {
namespace po = boost::program_options;
namespace json = boost::json;
namespace {

std::string word(const json::object& o, std::string_view name) {
    const auto* v = o.if_contains(name);
    return v != nullptr && v->is_string() ? printable(std::string_view(v->get_string())) : std::string();
}

std::string number(const json::object& o, std::string_view name) {
    const auto* v = o.if_contains(name);
    return v != nullptr && v->is_number() ? std::to_string(v->to_number<std::int64_t>()) : "0";
}

bool yes(const json::object& o, std::string_view name) {
    const auto* v = o.if_contains(name);
    return v != nullptr && v->is_bool() && v->get_bool();
}

json::array list(const json::object& o, std::string_view name) {
    const auto* v = o.if_contains(name);
    return v != nullptr && v->is_array() ? v->get_array() : json::array();
}

/// "12:00:01.123" of an RFC 3339 time; what has none is as it is now.
std::string clock(const std::string& time) {
    return time.size() >= 23 ? time.substr(11, 12) : time.empty() ? "now" : time;
}

std::string padded(std::string s, std::size_t to) {
    s.append(to - std::min(to, s.size()), ' ');
    return s + "  ";
}

std::string counted(const std::string& n, const std::string& what, const char* plural = "s") {
    return n + ' ' + what + (n == "1" ? "" : plural);
}

std::string silent_text(const json::object& o) {
    std::string names;
    for (const auto& s : list(o, "silent")) {
        names += (names.empty() ? "" : ", ") + (s.is_string() ? printable(std::string_view(s.get_string())) : std::string());
    }
    if (!yes(o, "redis")) {
        return "  Redis does not answer: this is what " + word(o, "instance") + " alone knows\n";
    }
    return names.empty() ? "" : "  no answer, so what they know is unknown: " + names + '\n';
}

}  // namespace

std::string message_text(std::string_view body) {
    boost::system::error_code ec;
    const auto v = json::parse(body, ec);
    if (ec || !v.is_object() || !v.get_object().contains("conclusion")) {
        return {};
    }
    const auto& o = v.get_object();
    std::string out = "push " + word(o, "id") + ": " + word(o, "conclusion") + '\n';
    const auto story = list(o, "story");
    std::size_t width = 0;
    for (const auto& line : story) {
        width = std::max(width, std::min<std::size_t>(word(line.get_object(), "instance").size(), 48));
    }
    for (const auto& line : story) {
        const auto& l = line.get_object();
        out += "  " + padded(clock(word(l, "time")), 12) + padded(word(l, "instance"), width) + word(l, "text") + '\n';
    }
    return out + silent_text(o);
}

std::string user_text(std::string_view body) {
    boost::system::error_code ec;
    const auto v = json::parse(body, ec);
    if (ec || !v.is_object() || !v.get_object().contains("connections")) {
        return {};
    }
    const auto& o = v.get_object();
    const auto connections = list(o, "connections");
    std::string out = "user " + word(o, "user") + ": ";
    const std::string count = counted(std::to_string(connections.size()), "connection");
    out += yes(o, "redis") ? count : count + " here, on other pods unknown";
    out += '\n';
    for (const auto& c : connections) {
        const auto& x = c.get_object();
        out += "  connection  " + word(x, "connection") + "  on " + word(x, "instance") + "  " + word(x, "path") + "  since " +
               word(x, "since");
        out += x.contains("unconfirmed") ? "  " + counted(number(x, "unconfirmed"), "push", "es") + " unconfirmed, " +
                                               number(x, "queued_bytes") + " bytes queued\n"
                                         : "\n";
    }
    const auto* mailbox = o.if_contains("mailbox");
    if (mailbox != nullptr && mailbox->is_object()) {
        out += "  mailbox     " + counted(number(mailbox->get_object(), "count"), "push", "es") + " waiting\n";
        for (const auto& k : list(mailbox->get_object(), "oldest")) {
            out += "    " + word(k.get_object(), "id") + "  until " + word(k.get_object(), "until") + '\n';
        }
    } else {
        out += "  mailbox     unknown\n";
    }
    const auto pushes = list(o, "pushes");
    std::size_t pods = 0;
    std::size_t ids = 0;
    for (const auto& p : pushes) {
        pods = std::max(pods, std::min<std::size_t>(word(p.get_object(), "instance").size(), 48));
        ids = std::max(ids, std::min<std::size_t>(word(p.get_object(), "id").size(), 40));
    }
    for (const auto& p : pushes) {
        const auto& x = p.get_object();
        const auto id = word(x, "id");
        out += "  " + padded(clock(word(x, "time")), 12) + padded(word(x, "instance"), pods) +
               padded(id.empty() ? "-" : id, ids) + word(x, "text") + '\n';
    }
    if (yes(o, "complete") && connections.empty() && pushes.empty() && mailbox != nullptr && mailbox->is_object() &&
        number(mailbox->get_object(), "count") == "0") {
        out += "  no pod knows this name: is it spelled as in Ws-User, or as the route's `user` gives it?\n";
    }
    return out + silent_text(o);
}

po::options_description trace_options() {
    po::options_description out("Trace");
    out.add_options()("id", po::value<std::string>()->value_name("ID"), "the push's id; short: `trace ID`")(
        "user", po::value<std::string>()->value_name("NAME"), "a user instead: connections, latest pushes, mailbox")(
        "json", "print the answer as JSON");
    return out;
}

int trace(const po::variables_map& given, const config::config& c) {
    const bool user = given.count("user") != 0;
    if (given.count("user") + given.count("id") != 1) {
        std::cerr << "wsidecar trace: give the id of a push, or --user NAME\n";
        return 2;
    }
    const auto name = proto::percent_encode_segment(given[user ? "user" : "id"].as<std::string>());
    const auto reply = call_admin(c.admin.address, "GET", user ? "/console/user?name=" + name : "/console/message?id=" + name,
                                  "", c.admin.token);
    const auto text = reply.status != 200 ? std::string() : user ? user_text(reply.body) : message_text(reply.body);
    if (text.empty()) {
        std::cerr << "wsidecar trace: " << printable(reply.body) << '\n';
        return 1;
    }
    std::cout << (given.count("json") != 0 ? reply.body : text);
    // Nothing found is a failure to whoever asks in a script.
    return user || reply.body.find("\"story\":[]") == std::string::npos ? 0 : 1;
}

}  // namespace wsidecar::cli
