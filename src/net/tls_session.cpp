// SPDX-License-Identifier: MIT
// caf::openssl::session, written anew: this definition comes before the one in libcaf_openssl, shared
// or static. CAF 0.17's leaves what OpenSSL says about a connection in the thread's list of errors,
// and with an error in that list SSL_get_error() takes the next wait of another connection for a
// failure. So anybody who sends garbage to the port would end the connections of everybody else
// (tests/net/hostile_test.cpp).
//
// Besides, certificates are always asked for, on both sides, and TLS is 1.2 at least.
#include "net/tls_session.hpp"

#include <dlfcn.h>
#include <openssl/err.h>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/openssl/session.hpp>

#include <csignal>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

namespace caf::openssl {

namespace {
// OpenSSL writes to sockets that may be closed, and has no way to be told not to raise SIGPIPE.
class without_sigpipe {
public:
  without_sigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    ERR_clear_error();
  }
  without_sigpipe(const without_sigpipe&) = delete;
  without_sigpipe& operator=(const without_sigpipe&) = delete;
  ~without_sigpipe() {
    ERR_clear_error();
    constexpr timespec at_once{};
    sigtimedwait(&pipe_, nullptr, &at_once);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

private:
  sigset_t pipe_, before_;
};

int give_passphrase(char* to, int size, int, void* of) {
  const std::string_view pass = static_cast<session*>(of)->openssl_passphrase();
  if (pass.size() > static_cast<std::size_t>(size)) return -1;
  pass.copy(to, pass.size());
  return static_cast<int>(pass.size());
}
}  // namespace

session::session(actor_system& sys)
    : sys_(sys),
      ctx_(nullptr),
      ssl_(nullptr),
      connecting_(false),
      accepting_(false) {}

session::~session() {
  SSL_free(ssl_);
  SSL_CTX_free(ctx_);
}

// False: the files have become unreadable since they were checked.
bool session::init() {
  const without_sigpipe guard;
  ctx_ = create_ssl_context();
  ssl_ = ctx_ ? SSL_new(ctx_) : nullptr;
  return ssl_ != nullptr;
}

SSL_CTX* session::create_ssl_context() {
  const auto& config = sys_.config();
  openssl_passphrase_ = config.openssl_passphrase;
  SSL_CTX* c = SSL_CTX_new(TLS_method());
  if (!c) return nullptr;
  SSL_CTX_set_default_passwd_cb(c, give_passphrase);
  SSL_CTX_set_default_passwd_cb_userdata(c, this);
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  const bool good =
      SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) == 1 &&
      SSL_CTX_set_cipher_list(c, "HIGH:!aNULL:!MD5") == 1 &&
      SSL_CTX_use_certificate_chain_file(c, config.openssl_certificate.c_str()) == 1 &&
      SSL_CTX_use_PrivateKey_file(c, config.openssl_key.c_str(), SSL_FILETYPE_PEM) == 1 &&
      SSL_CTX_load_verify_locations(c, config.openssl_cafile.c_str(), nullptr) == 1;
  if (good) return c;
  SSL_CTX_free(c);
  return nullptr;
}

bool session::try_connect(native_socket fd) {
  const without_sigpipe guard;
  SSL_set_fd(ssl_, fd);
  SSL_set_connect_state(ssl_);
  const int n = SSL_connect(ssl_);
  connecting_ = n != 1;
  return n == 1 || handle_ssl_result(n);
}

bool session::try_accept(native_socket fd) {
  const without_sigpipe guard;
  SSL_set_fd(ssl_, fd);
  SSL_set_accept_state(ssl_);
  const int n = SSL_accept(ssl_);
  accepting_ = n != 1;
  return n == 1 || handle_ssl_result(n);
}

rw_state session::read_some(size_t& result, native_socket, void* buf, size_t len) {
  return do_some(SSL_read, result, buf, len, "read");
}

rw_state session::write_some(size_t& result, native_socket, const void* buf, size_t len) {
  const auto write = [](SSL* s, void* from, int n) { return SSL_write(s, from, n); };
  return do_some(write, result, const_cast<void*>(buf), len, "write");
}

// `indeterminate` with nothing to write: the socket is not watched for writing until there is.
rw_state session::do_some(int (*f)(SSL*, void*, int), size_t& result, void* buf, size_t len,
                          const char* what) {
  const without_sigpipe guard;
  result = 0;
  if (connecting_ || accepting_) {
    const int n = connecting_ ? SSL_connect(ssl_) : SSL_accept(ssl_);
    if (n != 1) {
      const int why = SSL_get_error(ssl_, n);
      if (why == SSL_ERROR_WANT_READ && len == 0 && *what == 'w') return rw_state::indeterminate;
      return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? rw_state::success
                                                                       : rw_state::failure;
    }
    connecting_ = accepting_ = false;
  }
  if (len == 0) return rw_state::indeterminate;
  const int n = f(ssl_, buf, static_cast<int>(len));
  if (n <= 0) return handle_ssl_result(n) ? rw_state::success : rw_state::failure;
  result = static_cast<size_t>(n);
  return rw_state::success;
}

bool session::must_read_more(native_socket, size_t threshold) {
  return static_cast<size_t>(SSL_pending(ssl_)) >= threshold;
}

const char* session::openssl_passphrase() { return openssl_passphrase_.c_str(); }

// Whether it only has to wait.
bool session::handle_ssl_result(int n) {
  const int why = SSL_get_error(ssl_, n);
  return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
}

std::string session::get_ssl_error() { return ""; }

session_ptr make_session(actor_system& sys, native_socket fd, bool from_accepted_socket) {
  auto s = std::make_unique<session>(sys);
  if (!s->init() || !(from_accepted_socket ? s->try_accept(fd) : s->try_connect(fd)))
    return nullptr;
  return s;
}

}  // namespace caf::openssl

namespace troupe::detail {

bool own_sessions_are_used() {
  void* const used = dlsym(RTLD_DEFAULT, "_ZN3caf7openssl12make_sessionERNS_12actor_systemEib");
  return !used || used == reinterpret_cast<void*>(&caf::openssl::make_session);
}

}  // namespace troupe::detail
