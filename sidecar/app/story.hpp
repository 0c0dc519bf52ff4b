#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "sidecar/core/bus.hpp"

namespace wsidecar::app {

/// Who was asked, and whether they are all there are.
struct asked_instances {
    bool asked = false;                  ///< Redis took the question
    std::vector<std::string> instances;  ///< all that are registered
};
asked_instances asked_of(const core::answers& a);
/// The accounts in these answers; what is none is left out.
std::vector<boost::json::object> accounts_of(const core::answers& a);

/// All that was found out about a user.
struct user_findings {
    std::string user;
    std::string instance;  ///< the one that answers
    core::registry_view redis;
    asked_instances asked;
    std::vector<boost::json::object> pods;  ///< accounts (snapshot.hpp), this instance's first
};

/// Connections on all pods, what they were to send, what waits. What nobody could say is null, and `complete` is false.
boost::json::object user_view(const user_findings& f);

/// A list of Redis that was looked into.
struct looked_into {
    core::list_kind kind{};
    std::string name;  ///< core::bus::seek
    core::sightings what;
};

/// All that was found out about a push.
struct message_findings {
    std::string id;
    std::string instance;
    bool redis = false;
    asked_instances asked;
    std::vector<boost::json::object> pods;  ///< accounts, this instance's first
    std::vector<looked_into> lists;
    std::chrono::system_clock::time_point now;
};

/// Where else to look, by what the pods say: mailboxes of whom it was stored for, keys of receipts. A few.
std::vector<looked_into> lists_to_look_into(const message_findings& f);

/// What became of a push: `conclusion` in one sentence, `story` line by line, and what these are made of.
boost::json::object message_view(const message_findings& f);

}  // namespace wsidecar::app
