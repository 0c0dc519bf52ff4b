#pragma once

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/beast/http/field.hpp>
#include <string_view>

#include "proto/text/host_port.hpp"

namespace wsidecar::app {

/// An operator's browser is on loopback (kubectl port-forward), and so is what any page in it asks for: whether a page of
/// somebody else's does, from its own origin or under a name that now resolves to loopback. Programs send none of these headers.
template <class Request>
bool led_here(const Request& request) {
    const std::string_view site = request["Sec-Fetch-Site"];
    if (!site.empty() && site != "same-origin" && site != "none") {
        return true;
    }
    const std::string_view host = request[boost::beast::http::field::host];
    std::string_view origin = request[boost::beast::http::field::origin];
    if (!origin.empty()) {
        origin.remove_prefix(std::min(origin.find("//") + 2, origin.size()));
        if (origin != host) {
            return true;
        }
    }
    const auto parts = proto::split_host_port(host);
    const std::string_view name = parts ? parts->host : host;
    boost::system::error_code ec;
    boost::asio::ip::make_address(name, ec);
    return request[boost::beast::http::field::user_agent].starts_with("Mozilla/") && ec && name != "localhost";
}

}  // namespace wsidecar::app
