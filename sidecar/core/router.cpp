#include "sidecar/core/router.hpp"

#include <algorithm>
#include <string>

namespace wsidecar::core {

namespace sockjs = proto::sockjs;

router::router(const config::config& c) {
    for (const auto& r : c.routes) {
        const auto add = [&](const std::string& path, const sockjs::suffix* s) {
            table_.add(*proto::route_pattern::compile(path), targets_.size());
            targets_.push_back({&r, s});
        };
        if (!r.has_sockjs()) {
            add(r.path, nullptr);
            continue;
        }
        any_sockjs_ = true;
        const std::string base = r.path == "/" ? "" : r.path;
        for (const auto& s : sockjs::suffixes()) {
            if (const std::string path = base + std::string(s.pattern); !path.empty()) {
                add(path, &s);
            }
        }
    }
}

route_match router::operator()(std::string_view path) const {
    if (any_sockjs_) {
        auto match = find(sockjs::canonical(path));
        if (match.place == sockjs::place::iframe) {
            match.base = path.rfind('/');
            return match;
        }
    }
    return find(path);
}

route_match router::find(std::string_view path) const {
    auto found = table_.find(path);
    if (!found) {
        return {};
    }
    const target& t = targets_[found->index];
    route_match match;
    match.route = t.route;
    match.base = path.size();
    if (t.sockjs != nullptr) {
        match.place = t.sockjs->at;
        for (std::size_t i = 0; i < t.sockjs->segments; ++i) {
            match.base = path.rfind('/', match.base - 1);
        }
        std::erase_if(found->values, [&](auto& value) {
            const bool session = value.first == sockjs::session_variable;
            if (!session && value.first != sockjs::server_variable) {
                return false;
            }
            if (!sockjs::is_id(value.second)) {
                match.place = sockjs::place::unsupported;
            }
            if (session) {
                match.session = std::move(value.second);
            }
            return true;
        });
    }
    match.variables = std::move(found->values);
    return match;
}

}  // namespace wsidecar::core
