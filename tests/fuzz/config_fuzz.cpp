// Configuration files are foreign bytes: loading must end with values or complaints, never with an exception.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "config/load.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto loaded = wsidecar::config::load_text(text, "fuzz");
    if (loaded.complaints.empty()) {
        wsidecar::config::print(loaded.values);
    }
    return 0;
}
