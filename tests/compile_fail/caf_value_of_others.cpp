// SPDX-License-Identifier: MIT
// expect: troupe: CAF cannot send a value of this type
#include <troupe/caf.hpp>

struct handle_of_ours {
  void* to;
};
troupe::get_value ask(troupe::ref<handle_of_ours> r) { return troupe::get_value{r}; }
