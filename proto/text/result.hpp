#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>

namespace wsidecar {

/// Why an input was refused. `reason` is a static word in snake_case, which metrics use as the label `reason`. `detail` is a
/// static sentence for people, and may be empty.
struct problem {
    const char* reason = "";
    const char* detail = "";
};

/// The caller asked for a value that does not exist. This is always a bug, never a property of the input.
[[noreturn]] inline void throw_exception_from_error(const problem& p, const boost::source_location&) {
    throw std::logic_error(p.reason);
}

template <class T>
using result = boost::system::result<T, problem>;

}  // namespace wsidecar
