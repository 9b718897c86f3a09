// SPDX-License-Identifier: MIT
// See tls_session.cpp. Whoever wants TLS asks this first; so the linker takes that file as well.
#pragma once

namespace troupe::detail {

// Whether CAF makes the sessions of tls_session.cpp. Not if the library came late, with dlopen(),
// into a program that has libcaf_openssl already.
bool own_sessions_are_used();

}  // namespace troupe::detail
