#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace wsidecar::config {

enum class kind { text, boolean, number, duration, size, percent, share, choice, texts };

/// One key of a configuration: how it is read, printed and explained. The file, the environment, the flags, `check`,
/// the JSON Schema and the reference all work from this one table.
template <class Struct>
struct basic_setting {
    std::string key;  ///< dotted: app.retry.deadline
    kind type = kind::text;
    std::string help;  ///< one line for people
    std::vector<std::string> choices;
    std::uint64_t least = 0;  ///< of a number, a duration (in ms) or a size (in bytes)
    std::uint64_t most = 0;   ///< of a number or a size; 0: not limited by the table
    bool secret = false;
    bool live = true;  ///< a reload can change it without a restart
    /// Takes one value (kind::texts: any number). What is wrong, or nullopt.
    std::function<std::optional<std::string>(Struct&, const std::vector<std::string>&)> set;
    std::function<std::vector<std::string>(const Struct&)> get;
};
using setting = basic_setting<config>;
using route_setting = basic_setting<route>;
using source_setting = basic_setting<source>;
using history_setting = basic_setting<history_rule>;

/// Every key but `routes`, `sources` and `history`, in the order of the annotated file.
const std::vector<setting>& settings();
/// The keys of one entry of `routes`.
const std::vector<route_setting>& route_settings();
/// The keys of one entry of `sources`.
const std::vector<source_setting>& source_settings();
/// The keys of one entry of `history`.
const std::vector<history_setting>& history_settings();

/// WSIDECAR_APP_RETRY_DEADLINE for app.retry.deadline.
std::string environment_name(std::string_view key);

}  // namespace wsidecar::config
