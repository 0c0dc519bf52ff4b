#pragma once

#include <string_view>
#include <vector>

namespace wsidecar::app {

/// The console's page, from sidecar/app/console/, as it was when this was built.
struct console_file {
    const char* path;  ///< on the admin address
    const char* content_type;
    std::string_view bytes;
};
const std::vector<console_file>& console_files();

}  // namespace wsidecar::app
