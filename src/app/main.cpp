#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <sstream>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "app/command.h"
#include "app/version.h"
#include "base/build_info.h"
#include "base/check.h"
#include "comm/mpi_session.h"

namespace mneme {
namespace {

int from_launcher(std::initializer_list<const char*> variables) {
  for (const char* name : variables) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): read before there are threads
    if (const char* value = std::getenv(name)) return std::atoi(value);
  }
  return -1;
}

/// This process's rank as its launcher says, -1 when none started it. Only for who prints.
int launched_rank() {
  return from_launcher({"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"});
}

/// How many there are, -1 when nobody says.
int launched_ranks() {
  return from_launcher({"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS"});
}

/// Most errors befall all ranks alike: the first rank tells them and ends the job, for which a
/// launcher takes a second. Another rank waits a little longer, by its number: who is then still
/// there has an error of its own, and tells it.
void let_the_first_rank_tell(int rank) {
  if (rank <= 0) return;
  for (const int number : {SIGTERM, SIGINT}) std::signal(number, SIG_DFL);
  const double later = static_cast<double>(rank) / std::max(rank + 1, launched_ranks());
  std::this_thread::sleep_for(std::chrono::duration<double>(3 + later));
}

/// Told with the rank, but for what the user or the data got wrong as the first rank tells it.
void print(Fault fault, const std::string& text, int rank) {
  const bool users = fault == Fault::user || fault == Fault::data;
  const bool names_rank = text.starts_with("[rank ");  // all ranks agreed on one rank's error
  const bool is_told_alone = rank > 0 || (rank == 0 && !users);
  const std::string who = is_told_alone && !names_rank ? fmt::format("[rank {}] ", rank) : "";
  fmt::print(stderr, "{}{}\n", who, text);
  std::fflush(stderr);
}

/// The only place where errors end: told with the rank, then the whole job ends, so that no rank
/// waits for this one in a collective.
int run(const Action& action) {
  const int rank = launched_rank();
  const auto end = [rank](Fault fault, const std::string& text) {
    let_the_first_rank_tell(rank);
    print(fault, text, rank);
    abort_job(static_cast<int>(fault));
  };
  try {
    return action();
  } catch (const Error& e) {
    end(e.fault(), e.fault() == Fault::bug ? e.what() + ("\n" + e.where()) : e.what());
  } catch (const std::bad_alloc&) {
    end(Fault::machine, "there is not enough memory; hint: `mneme plan` says what a run takes");
  } catch (const std::system_error& e) {  // of the file system too
    end(Fault::machine, e.what());
  } catch (const std::exception& e) {
    end(Fault::bug, fmt::format("unexpected error: {}", e.what()));
  }
  return static_cast<int>(Fault::bug);
}

/// A command line that cannot be parsed, or asks for help: told by one rank. The exit status.
int refuse(const CLI::App& app, const CLI::ParseError& e, const std::vector<std::string>& words) {
  std::ostringstream out, err;
  const bool asks_for_help = app.exit(e, out, err) == 0;
  if (launched_rank() <= 0) {
    std::string unknown = asks_for_help ? "" : unknown_command(app, words);
    if (unknown.empty() && e.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError))
      unknown = unknown_option(app, words);
    fmt::print("{}", out.str());
    fmt::print(stderr, "{}", unknown.empty() ? err.str() : unknown + "\n");
  }
  return asks_for_help ? 0 : static_cast<int>(Fault::user);
}

}  // namespace
}  // namespace mneme

// NOLINTNEXTLINE(bugprone-exception-escape): describing options throws only where two have one name
int main(int argc, char** argv) {
  CLI::App app(
      "mneme pretrains language models with memory layers: product-key lookup into one shared pool "
      "of rows, sharded over MPI ranks.",
      "mneme");
  app.require_subcommand(1);
  app.footer(
      "Exit status: 0 done, 2 the user's input, 3 data, 4 checkpoint, 5 the machine, 6 a bug, 75 "
      "interrupted and resumable.");
  app.set_version_flag(
      "--version", [] { return mneme::version_text(); },
      "compiler, flags, libraries and instruction sets");
  mneme::Action chosen;
  mneme::add_prep(app, chosen);
  mneme::add_tokenizer(app, chosen);
  mneme::add_train(app, chosen);
  mneme::add_eval(app, chosen);
  mneme::add_generate(app, chosen);
  mneme::add_plan(app, chosen);
  mneme::add_bench(app, chosen);
  mneme::add_sweep(app, chosen);
  mneme::add_compare(app, chosen);
  mneme::add_doctor(app, chosen);
  mneme::add_config(app, chosen);
  mneme::add_checkpoint(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return mneme::refuse(app, e, {argv + 1, argv + argc});
  }
  return mneme::run(chosen);
}
