#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>

namespace wsidecar {

/// Why foreign bytes were refused. `reason` is a static snake_case word: it is the label `reason` of a
/// counter; `detail` is a static sentence for people (may be empty).
struct problem {
    const char* reason = "";
    const char* detail = "";
};

/// Asked for a value that is not there: a bug of the caller, never a property of the input.
[[noreturn]] inline void throw_exception_from_error(const problem& p, const boost::source_location&) {
    throw std::logic_error(p.reason);
}

template <class T>
using result = boost::system::result<T, problem>;

}  // namespace wsidecar
