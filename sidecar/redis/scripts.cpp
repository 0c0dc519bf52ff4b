#include "sidecar/redis/scripts.hpp"

#include <memory>

#include "proto/text/sha1.hpp"

namespace wsidecar::redis {

const script::form& script::for_version(int major) const {
    form& t = major >= 7 ? allowing_oom_ : plain_;
    if (t.source.empty()) {
        // Below 7, a write that needs no memory lets the rest of the script write, too.
        t.source = major >= 7 ? "#!lua flags=allow-oom\n" : "redis.call('DEL', ARGV[1] .. 'none')\n";
        t.source += text_;
        t.sum = proto::sha1_hex(t.source);
    }
    return t;
}

void script::run(command_port& on, const std::string& key, std::vector<std::string> arguments,
                 command_port::handler done) const {
    const form& t = for_version(on.major_version());
    const auto words = std::make_shared<std::vector<std::string>>();
    words->reserve(arguments.size() + 4);
    words->assign({"EVALSHA", t.sum, "1", key});
    words->insert(words->end(), std::make_move_iterator(arguments.begin()), std::make_move_iterator(arguments.end()));
    on.send(*words, [&on, &t, words, done = std::move(done)](proto::reply_view r) {
        if (r.is_error() && r.text().starts_with("NOSCRIPT")) {
            (*words)[0] = "EVAL";
            (*words)[1] = t.source;
            on.send(*words, done);
        } else if (done) {
            done(r);
        }
    });
}

}  // namespace wsidecar::redis
