// SPDX-License-Identifier: MIT
#pragma once

namespace troupe::detail {

class domain;

// What an actor that got a nudge leaves for after its release: only then is it idle itself.
struct nudges {
  domain* of = nullptr;
  unsigned n = 0;
  void add(domain& d) {
    of = &d;
    ++n;
  }
  void tell() const;  // the gate; the last touch of the domain
};

}  // namespace troupe::detail
