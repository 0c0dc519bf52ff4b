// How fast payloads of an app's own channels are read: `codecs jdk|jackson|parse|refuse FILE SECONDS` prints MB/s of input.
// `parse` is Boost.JSON's parser on the same bytes, for comparison; `refuse` prints the microseconds until a stream is refused.
// `codecs send FILE SECONDS` reads a STOMP frame with the file as its body; `codecs message FILE SECONDS` writes one MESSAGE of it
// to 1,000 subscribers (MB/s of the file, each counted).

#include <boost/json/parse.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "proto/spring/jackson.hpp"
#include "proto/spring/java_json.hpp"
#include "proto/stomp/stomp_frame.hpp"
#include "proto/stomp/stomp_write.hpp"

namespace {

using clock_type = std::chrono::steady_clock;

template <class Work>
double megabytes_per_second(const std::string& bytes, double seconds, Work work) {
    std::size_t rounds = 0;
    const auto start = clock_type::now();
    std::chrono::duration<double> spent{};
    while (spent.count() < seconds) {
        for (int i = 0; i < 20; ++i, ++rounds) {
            if (!work(bytes)) {
                std::fputs("codecs: the file can't be read\n", stderr);
                std::exit(1);
            }
        }
        spent = clock_type::now() - start;
    }
    return static_cast<double>(rounds) * static_cast<double>(bytes.size()) / spent.count() / 1e6;
}

std::string send_frame(const std::string& body) {
    return "SEND\ndestination:/app/chat/42\ncontent-type:application/json\ncontent-length:" + std::to_string(body.size()) +
           "\n\n" + body + '\0';
}

/// 1,000 heads and the tail that they share.
bool write_messages(const std::string& body) {
    using namespace wsidecar::proto::stomp;
    std::size_t sum = message_tail(version::v1_2, "/topic/chat/42", "application/json", {}, body).size();
    for (int i = 0; i < 1000; ++i) {
        sum += message_head(version::v1_2, "sub-0", "7f3a9c01-" + std::to_string(i)).size();
    }
    return sum > body.size();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fputs("usage: codecs jdk|jackson|parse|refuse|send|message FILE SECONDS\n", stderr);
        return 2;
    }
    std::ifstream in(argv[2], std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(in), {});
    const std::string what = argv[1];
    const double seconds = std::atof(argv[3]);
    namespace proto = wsidecar::proto;
    double rate = 0;
    if (what == "jdk") {
        rate = megabytes_per_second(bytes, seconds, [](const std::string& b) { return proto::java_to_json(b).has_value(); });
    } else if (what == "refuse") {
        rate = megabytes_per_second(bytes, seconds, [](const std::string& b) { return proto::java_to_json(b).has_error(); });
        rate = static_cast<double>(bytes.size()) / rate;  // bytes in a microsecond are MB/s
    } else if (what == "jackson") {
        rate = megabytes_per_second(bytes, seconds, [](const std::string& b) {
            return proto::unwrap_jackson(b, proto::jackson_types::detect).has_value();
        });
    } else if (what == "send") {
        proto::stomp::reader reader({std::size_t{1} << 30, 100, 8192});
        rate = megabytes_per_second(send_frame(bytes), seconds, [&](const std::string& b) {
            reader.feed(b);
            return reader.next() == proto::stomp::event::frame && reader.next() == proto::stomp::event::need_more;
        });
    } else if (what == "message") {
        rate = 1000 * megabytes_per_second(bytes, seconds, write_messages);
    } else {
        rate = megabytes_per_second(bytes, seconds, [](const std::string& b) {
            boost::system::error_code ec;
            const auto v = boost::json::parse(b, ec);
            return !ec && !v.is_null();
        });
    }
    std::printf("%.1f\n", rate);
}
