#include "sidecar/cli/command_line.hpp"

int main(int argc, char** argv) {
    return wsidecar::cli::run(argc, argv);
}
