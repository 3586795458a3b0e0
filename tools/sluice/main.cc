// SPDX-License-Identifier: Apache-2.0
#include "tools/sluice/cli.h"

int main(int argc, char** argv) { return sluice::tool::ProgramMain(argc, argv); }
