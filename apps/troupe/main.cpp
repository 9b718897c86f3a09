// SPDX-License-Identifier: MIT
#include <troupe/app.hpp>

// The workflows are the other files of this folder, and sgd, search and logs of apps/examples: each
// declares itself.
int main(int argc, char** argv) { return troupe::app::main(argc, argv); }
