#include "sidecar/core/connection.hpp"

#include <algorithm>

#include "sidecar/core/dialect.hpp"
#include "sidecar/core/stomp/client.hpp"

namespace wsidecar::core {
namespace {

std::size_t bytes_of(const connection::waiting_frames& early) {
    std::size_t sum = 0;
    for (const auto* frames : {&early.first, &early.live}) {
        for (const auto& h : *frames) {
            sum += sizeof h + h.frame->bytes().size();
        }
    }
    return sum;
}

}  // namespace

connection::connection() = default;
connection::~connection() = default;

std::size_t inbound_work::item::bytes() const {
    return sizeof *this + payload.size() + (stomp ? stomp->bytes() : 0);
}

std::size_t connection::held_bytes() const {
    return (inbound ? inbound->bytes : 0) + (early ? bytes_of(*early) : 0) +
           (speaks != nullptr ? speaks->held_bytes(*this) : 0);
}

bool connection::beats_within(std::chrono::milliseconds period) const {
    return speaks != nullptr && speaks->beats_within(*this, period);
}

proto::variables connection::variables() const {
    proto::variables out;
    std::string_view left = variables_;
    const auto next = [&left] {
        const auto word = left.substr(0, left.find('\0'));
        left.remove_prefix(std::min(word.size() + 1, left.size()));
        return std::string(word);
    };
    while (!left.empty()) {
        auto name = next();
        out.emplace_back(std::move(name), next());
    }
    return out;
}

void connection::keep_variables(const proto::variables& values) {
    std::string all;
    for (const auto& [name, value] : values) {
        if (value.find('\0') != std::string::npos) {
            continue;  // no client's: their paths are checked
        }
        all.append(name).append(1, '\0').append(value).append(1, '\0');
    }
    variables_ = all;
}

void connection::close(std::uint16_t code, std::string_view reason) {
    if (session == nullptr) {
        if (at != phase::closed) {
            pending_close = std::make_unique<proto::close_order>(proto::close_order{code, std::string(reason)});
        }
        return;
    }
    if (close_code == 0) {
        close_code = code;
        close_reason = reason;
    }
    session->close(code, reason);
}

bool connection::is_on(const std::vector<std::string>& routes) const {
    return route != nullptr && std::find(routes.begin(), routes.end(), route->called()) != routes.end();
}

}  // namespace wsidecar::core
