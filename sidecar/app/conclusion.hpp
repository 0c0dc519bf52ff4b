#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "sidecar/app/story.hpp"

namespace wsidecar::app {

/// What became of a push, in one sentence. `entries`: what the pods tell of it, the latest first; `no_answer`: registered instances that
/// have not answered. What they may know, or Redis if it was away, is called unknown.
std::string conclusion_of(const message_findings& f, const std::vector<boost::json::object>& entries,
                          const std::vector<std::string>& no_answer);

}  // namespace wsidecar::app
