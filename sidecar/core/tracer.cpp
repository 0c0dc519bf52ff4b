#include "sidecar/core/tracer.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "proto/text/hex.hpp"
#include "proto/text/ids.hpp"
#include "proto/trace/traceparent.hpp"

namespace wsidecar::core {
namespace {

constexpr std::size_t last_flag = 54;  // of a traceparent: the hex digit that holds the sampled bit

bool is_sampled(std::string_view context) {
    return std::string_view("13579bdf").find(context[last_flag]) != std::string_view::npos;
}

}  // namespace

void tracer::configure(const config::tracing& c) {
    on_ = !c.otlp.empty();
    ratio_ = c.sample;
}

/// By the trace id's last 56 bits, which are random (W3C Trace Context level 2), so that all who ask for the same share agree.
bool tracer::sampled(std::string_view trace_id) const {
    std::uint64_t random = 0;
    const auto tail = trace_id.substr(18);
    std::from_chars(tail.data(), tail.data() + tail.size(), random, 16);
    return ratio_ > 0 && static_cast<double>(random) >= (1.0 - ratio_) * static_cast<double>(1ULL << 56U);
}

span_ptr tracer::start(proto::span_kind kind, std::string_view parent, std::string name, wall_time now,
                       std::string& context) const {
    const bool root = !proto::valid_traceparent(parent);
    const std::string above(root ? std::string_view() : parent.substr(36, 16));
    context = proto::continue_trace(parent);
    if (root && !sampled(std::string_view(context).substr(3, 32))) {
        context[last_flag] = '0';
    }
    if (!is_sampled(context)) {
        return nullptr;
    }
    auto s = std::make_shared<proto::span>();
    s->context = context;
    s->parent = above;
    s->kind = kind;
    s->name = std::move(name);
    s->start = now;
    return s;
}

span_ptr tracer::start_below_stranger(proto::span_kind kind, std::string_view parent, std::string name, wall_time now,
                                      std::string& context) const {
    if (!proto::valid_traceparent(parent) || !is_sampled(parent)) {
        return start(kind, parent, std::move(name), now, context);
    }
    std::string decided(parent);
    constexpr std::uint64_t faces = 1ULL << 53U;
    if (static_cast<double>(proto::random_bits() % faces) >= ratio_ * static_cast<double>(faces)) {
        constexpr std::string_view digits = proto::lower_hex_digits;
        decided[last_flag] = digits[digits.find(decided[last_flag]) & ~std::size_t{1}];
    }
    return start(kind, decided, std::move(name), now, context);
}

void tracer::finish(const span_ptr& s, wall_time now) {
    if (queue_.size() >= capacity) {
        dropped_ += 1;
        return;
    }
    s->end = std::max(now, s->start);  // the clock may have been set back
    queue_.push_back(std::move(*s));
    if (queue_.size() == batch && on_batch) {
        on_batch();
    }
}

std::vector<proto::span> tracer::take() {
    const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), batch));
    std::vector<proto::span> out(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
    queue_.erase(queue_.begin(), end);
    return out;
}

}  // namespace wsidecar::core
