#include "sidecar/redis/endpoint.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <charconv>
#include <string_view>

namespace wsidecar::redis {

namespace {

/// Whole numbers only; validated, so anything else is none.
int database_of(std::string_view digits) {
    int n = 0;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
    return ec == std::errc() && end == digits.data() + digits.size() ? n : 0;
}

endpoint::sentinel_login login_of(const config::redis& r, bool tls) {
    const config::redis_sentinel& s = r.sentinel;
    endpoint::sentinel_login out{s.username, s.password, s.tls.use == "auto" ? tls : s.tls.use == "always", s.tls};
    if (out.tls_files.ca.empty()) {
        out.tls_files.ca = r.tls.ca;
    }
    if (out.tls_files.cert.empty()) {
        out.tls_files.cert = r.tls.cert;
        out.tls_files.key = r.tls.key;
    }
    if (out.tls_files.server_name.empty()) {
        out.tls_files.server_name = r.tls.server_name;
    }
    out.tls_files.verify = s.tls.verify && r.tls.verify;
    return out;
}

}  // namespace

std::string endpoint::describe() const {
    if (!socket.empty()) {
        return "unix:" + socket;
    }
    if (!sentinels.empty()) {
        return "master " + master + " of " + sentinels.front();
    }
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
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
            e.database = database_of(std::string_view(path).substr(query + 4));
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
        e.database = path.size() > 1 ? database_of(std::string_view(path).substr(1)) : 0;
    }
    e.sentinel = login_of(r, e.tls);
    if (!r.username.empty()) {
        e.username = r.username;
    }
    if (!r.password.empty()) {
        e.password = r.password;
    }
    return e;
}

}  // namespace wsidecar::redis
