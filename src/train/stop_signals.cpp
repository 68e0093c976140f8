#include "train/stop_signals.h"

#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/check.h"

namespace mneme {

StopSignals::StopSignals() : descriptor_(-1) {
  sigset_t set;
  sigemptyset(&set);
  for (const int s : {SIGINT, SIGTERM, SIGUSR2}) sigaddset(&set, s);
  require(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0, Fault::machine,
          "signals cannot be blocked");
  descriptor_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  require(descriptor_ >= 0, Fault::machine, "no descriptor for signals");
}

StopSignals::~StopSignals() {
  close(descriptor_);
}

int StopSignals::pending() {
  signalfd_siginfo info{};
  while (read(descriptor_, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
    last_ = static_cast<int>(info.ssi_signo);
  }
  return last_;
}

}  // namespace mneme
