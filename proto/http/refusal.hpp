#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>

#include "proto/text/result.hpp"

namespace wsidecar {

/// Why a request was refused, and the HTTP status of the answer.
struct refusal {
    unsigned status = 400;
    problem why;
};

[[noreturn]] inline void throw_exception_from_error(const refusal& r, const boost::source_location&) {
    throw std::logic_error(r.why.reason);
}

/// Like result<T>, with the status of the answer.
template <class T>
using checked = boost::system::result<T, refusal>;

}  // namespace wsidecar
