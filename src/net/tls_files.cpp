// SPDX-License-Identifier: MIT
#include "net/tls_files.hpp"

#include <troupe/error.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>

namespace troupe::detail {

namespace {
const std::string make_anew =
    "make certificates with `troupe certs init DIR` and `troupe certs issue DIR`";

template <auto Free> struct freed_by {
  template <class T> void operator()(T* x) const { Free(x); }
};
using bio = std::unique_ptr<BIO, freed_by<BIO_free>>;
using x509 = std::unique_ptr<X509, freed_by<X509_free>>;
using private_key = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using x509_store = std::unique_ptr<X509_STORE, freed_by<X509_STORE_free>>;
using store_context = std::unique_ptr<X509_STORE_CTX, freed_by<X509_STORE_CTX_free>>;

bio open(const std::string& path, const char* option, const char* what) {
  if (path.empty()) throw error(std::string("TLS needs ") + what + ": give " + option + " FILE");
  errno = 0;
  struct stat s {};
  bio file;
  if (::stat(path.c_str(), &s) == 0 && S_ISREG(s.st_mode))
    file.reset(BIO_new_file(path.c_str(), "r"));
  if (!file) {
    const char* why = errno != 0 ? std::strerror(errno) : "it is no file";
    ERR_clear_error();
    throw error(path + ": cannot read " + what + " (" + why + "): give the right path as " +
                option + ", or make it readable for this user");
  }
  return file;
}

x509 read_certificate(const std::string& path, const char* option, const char* what) {
  const auto file = open(path, option, what);
  x509 c{PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr)};
  ERR_clear_error();
  if (!c) throw error(path + ": it has no certificate in PEM format: " + make_anew);
  return c;
}

// PEM asks for a passphrase with this, and never at the terminal.
int passphrase_of(char* to, int size, int, void* files) {
  const auto& pass = static_cast<const tls_files*>(files)->passphrase;
  if (pass.size() > static_cast<std::size_t>(size)) return -1;
  pass.copy(to, pass.size());
  return static_cast<int>(pass.size());
}

private_key read_key(const tls_files& files) {
  const auto file = open(files.key, "--key", "the private key");
  struct stat s {};
  if (::stat(files.key.c_str(), &s) == 0 && (s.st_mode & S_IROTH) != 0)
    throw error(files.key + ": everybody can read this private key: chmod 600 " + files.key);
  private_key key{
      PEM_read_bio_PrivateKey(file.get(), nullptr, passphrase_of, const_cast<tls_files*>(&files))};
  ERR_clear_error();
  if (!key)
    throw error(
        files.key +
        ": it has no private key in PEM format, or the passphrase is not the right one: give "
        "the passphrase, or make certificates with `troupe certs issue DIR`");
  return key;
}

std::string date_of(const ASN1_TIME* t) {
  std::tm parts{};
  char text[32] = "?";
  if (ASN1_TIME_to_tm(t, &parts) == 1)
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
  return text;
}

void check_dates(const X509* c, const std::string& path) {
  if (X509_cmp_current_time(X509_get0_notBefore(c)) > 0)
    throw error(path + ": this certificate is not valid before " + date_of(X509_get0_notBefore(c)) +
                ": look at this machine's clock, or " + make_anew);
  if (X509_cmp_current_time(X509_get0_notAfter(c)) < 0)
    throw error(path + ": this certificate expired on " + date_of(X509_get0_notAfter(c)) + ": " +
                make_anew);
}

void check_signature(X509* c, X509* ca, const tls_files& files) {
  const x509_store trusted{X509_STORE_new()};
  const store_context check{X509_STORE_CTX_new()};
  if (!trusted || !check) throw std::bad_alloc();
  X509_STORE_add_cert(trusted.get(), ca);
  X509_STORE_CTX_init(check.get(), trusted.get(), c, nullptr);
  const bool good = X509_verify_cert(check.get()) == 1;
  ERR_clear_error();
  if (!good)
    throw error(files.certificate + ": it is not signed by the authority in " + files.ca + " (" +
                X509_verify_cert_error_string(X509_STORE_CTX_get_error(check.get())) +
                "): give the ca.pem of the directory in which `troupe certs issue` made it");
}
}  // namespace

void check(const tls_files& files) {
  const auto certificate = read_certificate(files.certificate, "--certificate", "a certificate");
  const auto ca = read_certificate(files.ca, "--ca", "the authority's certificate");
  const auto key = read_key(files);
  const bool matches = X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!matches)
    throw error(files.key + ": this key does not belong to the certificate " + files.certificate +
                ": give the NAME.pem and NAME-key.pem of one name");
  check_dates(certificate.get(), files.certificate);
  check_dates(ca.get(), files.ca);
  check_signature(certificate.get(), ca.get(), files);
}

}  // namespace troupe::detail
