#include "sidecar/redis/endpoint.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <cstdlib>

namespace wsidecar::redis {

std::string endpoint::describe() const {
    if (!socket.empty()) {
        return "unix:" + socket;
    }
    if (!sentinels.empty()) {
        return "master " + master + " of " + sentinels.front();
    }
    return host + ':' + std::to_string(port);
}

endpoint make_endpoint(const config::redis& r, const std::string& prefix) {
    endpoint e;
    e.sentinels = r.sentinels;
    e.master = r.master;
    e.cluster = r.cluster;
    e.slot_key = prefix;
    e.tls_files = r.tls;
    if (r.url.starts_with("unix:")) {
        std::string path = r.url.substr(5);
        while (path.starts_with("//")) {
            path.erase(0, 1);
        }
        if (const auto query = path.find("?db="); query != std::string::npos) {
            e.database = std::atoi(path.c_str() + query + 4);
            path.resize(query);
        }
        e.socket = path;
    } else if (const auto url = boost::urls::parse_uri(r.url)) {
        e.tls = url->scheme() == "rediss";
        e.host = url->host_address();
        e.port = url->has_port() ? url->port_number() : 6379;
        e.username = url->user();
        e.password = url->password();
        const std::string path(url->encoded_path());
        e.database = path.size() > 1 ? std::atoi(path.c_str() + 1) : 0;
    }
    if (!r.username.empty()) {
        e.username = r.username;
    }
    if (!r.password.empty()) {
        e.password = r.password;
    }
    return e;
}

}  // namespace wsidecar::redis
