// Frames as Spring's StompDecoder read them and its StompEncoder wrote them: stomp/spring_frames.json, by SpringFrames.java.

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <map>

#include "proto/stomp/stomp_frame.hpp"
#include "proto/stomp/stomp_write.hpp"
#include "proto/text/base64.hpp"

namespace wsidecar::proto::stomp {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using texts = std::vector<std::string>;

/// The rows that have this member.
std::vector<boost::json::object> rows(std::string_view member) {
    std::ifstream in(std::string(WSIDECAR_SOURCE_DIR).append("/tests/proto/stomp/spring_frames.json"));
    const auto table = boost::json::parse(std::string(std::istreambuf_iterator<char>(in), {}));
    std::vector<boost::json::object> out;
    for (const auto& row : table.as_array()) {
        if (row.as_object().contains(member)) {
            out.push_back(row.as_object());
        }
    }
    return out;
}

std::string decoded(const boost::json::value& text) {
    return base64_decode(std::string_view(text.as_string())).value();
}

/// Each frame as text, then "failed" or "unfinished" if it ends so.
texts read(const std::string& bytes) {
    reader r;
    texts seen;
    r.feed(bytes);
    for (event e = r.next(); e != event::need_more; e = r.next()) {
        if (e == event::frame) {
            std::string text(command_name(r.current().verb));
            for (const auto& h : r.current().headers) {
                text.append("[").append(h.name).append("=").append(h.value).append("]");
            }
            seen.push_back(text.append(r.current().body));
        } else if (e == event::error) {
            seen.emplace_back("failed");
        }
    }
    if (!r.at_rest()) {
        seen.emplace_back("unfinished");
    }
    return seen;
}

texts of_spring(const boost::json::object& row) {
    texts out;
    for (const auto& f : row.at("frames").as_array()) {
        const bool word = f.as_string() == "failed" || f.as_string() == "unfinished";
        out.push_back(word ? std::string(f.as_string()) : decoded(f));
    }
    return out;
}

TEST(StompSpring, ReadsWhatSpringReadsButForTheseCases) {
    const std::map<std::string, texts, std::less<>> otherwise = {
        // Spring waits for the rest of a header for ever.
        {"nul in a header", {"failed"}},
        {"nul alone", {"failed"}},
        // Spring reads U+FFFD.
        {"not utf-8", {"failed"}},
        // Here a Content-Type is the app's business.
        {"bad content type", {"SEND[content-type=nothing]x"}},
    };
    const auto table = rows("bytes");
    ASSERT_GT(table.size(), 40U);
    std::size_t differences = 0;
    for (const auto& row : table) {
        const std::string name(row.at("name").as_string());
        const auto mine = read(decoded(row.at("bytes")));
        if (const auto other = otherwise.find(name); other != otherwise.end()) {
            EXPECT_EQ(mine, other->second) << name;
            EXPECT_NE(mine, of_spring(row)) << name << " is no difference";
            ++differences;
        } else {
            EXPECT_EQ(mine, of_spring(row)) << name;
        }
    }
    EXPECT_EQ(differences, otherwise.size());
}

TEST(StompSpring, WritesWhatSpringWrites) {
    constexpr auto v = version::v1_2;
    const std::vector<std::pair<std::string, std::string>> custom = {{"na:me", "x\ny\rz\\c张"}};
    std::map<std::string, std::string, std::less<>> mine;
    mine["message"] = message_head(v, "sub-0", "s-1-7") + message_tail(v, "/topic/a", "application/json", {}, "{\"a\":1}");
    mine["message with escapes"] = message_head(v, "sub:0", "s\\1") + message_tail(v, "/topic/a:b", "", custom, "a\0b"s);
    mine["receipt"] = receipt(v, "r:1");
    mine["error"] = error(v, "no: a\nb");
    mine["connected"] = connected(v, {{10s, 5s}, {}, {}, "a:b\\c"});
    const auto table = rows("encoded");
    EXPECT_EQ(table.size(), mine.size());
    for (const auto& row : table) {
        EXPECT_EQ(mine.at(std::string(row.at("name").as_string())), decoded(row.at("encoded"))) << row.at("name");
    }
}

}  // namespace
}  // namespace wsidecar::proto::stomp
