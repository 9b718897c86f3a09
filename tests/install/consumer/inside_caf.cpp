// SPDX-License-Identifier: MIT
#include <troupe/caf.hpp>

int main() {
  caf::actor_system_config config;
  caf::actor_system system{config};
}
