// SPDX-License-Identifier: MIT
// The files of mutual TLS, looked at before anything listens: with a bad one CAF would start, and end
// the process at the first connection.
#pragma once
#include <string>

namespace troupe::detail {

struct tls_files {
  std::string certificate;  // all three are paths of PEM files
  std::string key;
  std::string ca;
  std::string passphrase;  // of the key; empty: it has none
};

// Throws troupe::error, which names the file, what is wrong and what to do: each is there, readable
// and PEM; the key is nobody else's to read and belongs to the certificate; the authority has signed
// the certificate; and today both are valid.
void check(const tls_files& files);

}  // namespace troupe::detail
