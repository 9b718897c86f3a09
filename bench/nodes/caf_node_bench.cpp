// SPDX-License-Identifier: MIT
// The same over raw CAF: BASP between two middlemen. Messages and their answers, and blobs of 1 MiB
// that are sent when they are asked for, eight at a time, and dropped where they arrive.
#include "two_processes.hpp"

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <caf/openssl/all.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace node_bench {

namespace {
using blob = std::vector<char>;
using blob_wanted = caf::atom_constant<caf::atom("blob")>;
constexpr std::size_t blob_size = 1 << 20;

struct network {
  explicit network(const tls_files& tls) : has_tls(!tls.certificate.empty()) {
    config.load<caf::io::middleman>();
    config.add_message_type<blob>("blob");
    config.set("scheduler.max-threads", std::size_t{1});
    if (!has_tls) return;
    config.load<caf::openssl::manager>();
    config.openssl_certificate = tls.certificate;
    config.openssl_key = tls.key;
    config.openssl_cafile = tls.ca;
  }
  const bool has_tls;
  caf::actor_system_config config;
};

template <class T> T must(caf::expected<T> e) {
  if (e) return std::move(*e);
  std::fprintf(stderr, "the other process cannot be reached\n");
  std::exit(1);
}

caf::behavior echo(caf::event_based_actor* self) {
  auto full = caf::make_message(blob(blob_size, 'b'));
  return {[](std::int64_t i) { return i + 1; },
          [self, full](blob_wanted) {
            const auto& to = self->current_sender();
            to->enqueue(self->ctrl(), caf::make_message_id(), full, self->context());
          }};
}

void be_other(std::string_view, const std::string&, const tls_files& tls) {
  network n{tls};
  caf::actor_system system{n.config};
  const auto e = system.spawn(echo);
  const auto port = n.has_tls ? must(caf::openssl::publish(e, 0, "127.0.0.1"))
                              : must(system.middleman().publish(e, 0, "127.0.0.1"));
  std::printf("%u\n", static_cast<unsigned>(port));
  std::fflush(stdout);
  wait_for_end_of_input();
  std::_Exit(0);  // an actor that is connected is never done
}

values flood(caf::scoped_actor& self, const caf::actor& far) {
  constexpr std::int64_t n = 100'000;
  std::vector<double> times;
  for (int round = 0; round < 6; ++round) {
    const auto t = clock_type::now();
    for (std::int64_t i = 0; i < n; ++i) self->send(far, i);
    for (std::int64_t i = 0; i < n; ++i) self->receive([](std::int64_t) {});
    if (round > 0) times.push_back(ns_since(t) / n);
  }
  return {{"ns/task", at(times, 0.5)}};
}

values trip(caf::scoped_actor& self, const caf::actor& far) {
  std::vector<double> times;
  for (std::int64_t i = 0; i < 6000; ++i) {
    const auto t = clock_type::now();
    self->request(far, caf::infinite, i)
        .receive([](std::int64_t) {}, [](caf::error&) { std::abort(); });
    if (i >= 1000) times.push_back(ns_since(t));
  }
  return {{"ns/task", at(times, 0.5)}, {"ns/task of 99 %", at(times, 0.99)}};
}

values pull(caf::scoped_actor& self, const caf::actor& far, int mib, int rounds) {
  constexpr int window = 8;
  std::vector<double> times;
  for (int round = 0; round <= rounds; ++round) {
    const auto t = clock_type::now();
    for (int asked = 0, came = 0; came < mib;) {
      for (; asked < mib && asked - came < window; ++asked) self->send(far, blob_wanted::value);
      self->receive([&](const blob& b) {
        if (b.size() != blob_size) std::abort();
        ++came;
      });
    }
    if (round > 0) times.push_back(ns_since(t) / mib);
  }
  return {{"ns/task", at(times, 0.5)}};
}

template <class F> auto with_far(F measure) {
  return [measure](const two_files& tls) {
    const other_process other{"--echo", "", tls.there};
    network n{tls.here};
    caf::actor_system system{n.config};
    const auto port = static_cast<std::uint16_t>(std::stoul(other.line()));
    values all;
    {
      caf::scoped_actor self{system};
      const auto far = n.has_tls ? must(caf::openssl::remote_actor(system, "127.0.0.1", port))
                                 : must(system.middleman().remote_actor("127.0.0.1", port));
      all = measure(self, far);
    }
    return all;
  };
}
}  // namespace
}  // namespace node_bench

int main(int argc, char** argv) {
  using namespace node_bench;
  const auto pulled = [](int mib, int rounds) {
    return with_far([=](caf::scoped_actor& self, const caf::actor& far) {
      return pull(self, far, mib, rounds);
    });
  };
  return run(argc, argv,
             {{"W16_remote_flood", with_far(flood)},
              {"W16_remote_trip", with_far(trip)},
              {"W17_pull_256m", pulled(256, 5)},
              {"W17_pull_1g", pulled(1024, 3)}},
             be_other);
}
