#pragma once

namespace wsidecar::cli {

/// The whole command line. Exit code: 0 done, 1 failed, 2 wrong usage or configuration.
int run(int argc, char** argv);

}  // namespace wsidecar::cli
