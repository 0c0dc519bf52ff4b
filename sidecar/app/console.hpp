#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/app/admin_server.hpp"
#include "sidecar/app/history.hpp"
#include "sidecar/app/operator_api.hpp"
#include "sidecar/app/snapshot.hpp"
#include "sidecar/app/story.hpp"

namespace wsidecar::app {

/// The live console (sidecar/operating.md): a page that shows this pod once a second, where a user is connected and where a message
/// went. All of it for operators only.
///
///   GET /                         leads to the page
///   GET /console                  the page; /console/console.js, /console/console.css
///   GET /console/events           a snapshot a second, as server-sent events
///   GET /console/snapshot         one of them
///   GET /console/user?name=N      user_view: what all pods and Redis know of a user
///   GET /console/message?id=I     message_view: what all pods and Redis know of a push
///   GET /console/history?name=N   how much is kept of `group:table-7`, `destination:/topic/x` or `all`
class console {
public:
    /// `view` must outlive it.
    explicit console(operator_view& view);

    void serve(admin_server& server);
    /// What this instance says to another one's question (core::bus_hooks::answer).
    std::string answer(std::string_view question);
    /// Once a second: a sample for the rates, and what the viewers see.
    void tick();

private:
    boost::json::object look();
    void scan();
    void ask_for_instances();
    void begin(const std::shared_ptr<admin_stream>& viewer);
    void user(const std::string& name, admin_respond respond);
    void message(const std::string& id, admin_respond respond);
    void kept_of(const std::string& name, admin_respond respond);
    struct message_inquiry;
    struct user_inquiry;
    void message_lists(const std::shared_ptr<message_inquiry>& q);
    void message_told(const std::shared_ptr<message_inquiry>& q);
    boost::json::object user_here(const std::string& name) const;
    std::shared_ptr<void> place_for_question(const admin_respond& respond);

    operator_view& view_;
    history history_;
    pod_state pod_;
    core::timer_port::clock::time_point started_;
    std::vector<std::shared_ptr<admin_stream>> viewers_;
    unsigned ticks_ = 0;
    unsigned scanned_ = 0;  ///< the tick of the last look at every connection
    bool scanned_ever_ = false;
    bool asking_ = false;
    /// Of operators, that wait for other instances or Redis. Those may hold it longer than this lives.
    std::shared_ptr<std::size_t> questions_ = std::make_shared<std::size_t>(0);
};

}  // namespace wsidecar::app
