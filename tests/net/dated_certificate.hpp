// SPDX-License-Identifier: MIT
// Certificates that no tool would issue.
#pragma once
#include "net/certificates.hpp"

#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdio>
#include <string>

namespace troupe::detail {

inline X509* read_pem_certificate(const std::string& path) {
  std::FILE* f = std::fopen(path.c_str(), "r");
  REQUIRE(f);
  X509* c = PEM_read_X509(f, nullptr, nullptr, nullptr);
  std::fclose(f);
  REQUIRE(c);
  return c;
}
inline EVP_PKEY* read_pem_key(const std::string& path) {
  std::FILE* f = std::fopen(path.c_str(), "r");
  REQUIRE(f);
  EVP_PKEY* k = PEM_read_PrivateKey(f, nullptr, nullptr, nullptr);
  std::fclose(f);
  REQUIRE(k);
  return k;
}

// Valid from `from` to `to`, in days from now.
inline tls_files dated_certificate(const std::string& dir, const std::string& name, int from,
                                   int to) {
  const auto files = issue(dir, name, 1, {"127.0.0.1"});
  X509* c = read_pem_certificate(files.certificate);
  EVP_PKEY* signer = read_pem_key(dir + "/ca-key.pem");
  constexpr long day = 24 * 60 * 60;
  X509_gmtime_adj(X509_getm_notBefore(c), from * day);
  X509_gmtime_adj(X509_getm_notAfter(c), to * day);
  REQUIRE(X509_sign(c, signer, EVP_sha256()) > 0);
  std::FILE* out = std::fopen(files.certificate.c_str(), "w");
  REQUIRE(PEM_write_X509(out, c) == 1);
  std::fclose(out);
  X509_free(c);
  EVP_PKEY_free(signer);
  return files;
}

inline void encrypt_key(const std::string& path, const std::string& passphrase) {
  EVP_PKEY* k = read_pem_key(path);
  std::FILE* out = std::fopen(path.c_str(), "w");
  REQUIRE(PEM_write_PKCS8PrivateKey(out, k, EVP_aes_256_cbc(), passphrase.data(),
                                    static_cast<int>(passphrase.size()), nullptr, nullptr) == 1);
  std::fclose(out);
  EVP_PKEY_free(k);
}

}  // namespace troupe::detail
