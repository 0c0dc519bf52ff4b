#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.hpp"

namespace wsidecar::config {

/// What is wrong, and where. `file` also names other origins: "environment", "flag".
struct complaint {
    std::string file;
    int line = 0;  ///< from 1; 0: no position
    int column = 0;
    std::string message;

    /// `file:line:column: message`, or `file: message`.
    std::string text() const;
};

struct load_options {
    std::optional<std::string> file;
    std::string file_named_by = "--config";                  ///< the flag or the environment variable, for complaints
    std::vector<std::pair<std::string, std::string>> flags;  ///< dotted key, value
    /// Returns an environment variable's value; null when it is not set.
    std::function<const char*(const char*)> environment;
    /// What is wrong with a route's path pattern (proto/path.hpp knows; this room does not include it). Empty function: unchecked.
    std::function<std::optional<std::string>(std::string_view pattern)> pattern_problem;
    /// What is wrong with the keys that a route's `jwt` has read from its files (proto/jwt.hpp knows). Empty function: unchecked.
    std::function<std::optional<std::string>(const jwt& read)> keys_problem;
};

struct loaded {
    config values;
    std::vector<complaint> complaints;  ///< all there are; not empty: do not start
};

/// Flags override the environment, which overrides the file, which overrides the defaults. Secret files are read.
loaded load(const load_options& options);

/// The same from a text instead of a file.
loaded load_text(std::string_view yaml, const std::string& name, const load_options& options = {});

/// For each name of an environment variable that is no setting's and nearly is, also in small letters or with a misspelt front: a
/// sentence that says which. Those that Kubernetes sets for Services (WSIDECAR_REDIS_PORT_6379_TCP) are none.
std::vector<std::string> misspelt_variables(const std::vector<std::string>& names);

/// The configuration as YAML, with secrets as `***`, every key given.
std::string print(const config& c);

/// A JSON Schema (draft 2020-12) of the file, for editors.
std::string json_schema();

/// One key that differs between two configurations.
struct change {
    std::string key;
    std::string from;  ///< secrets masked
    std::string to;
    bool live = false;  ///< takes effect without a restart
};
std::vector<change> diff(const config& from, const config& to);

}  // namespace wsidecar::config
