// SPDX-License-Identifier: MIT
#include <troupe/app.hpp>

// The workflows are the other files of this folder: each declares itself.
int main(int argc, char** argv) { return troupe::app::main(argc, argv); }
