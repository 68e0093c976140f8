#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>

#include <fmt/format.h>

#include "app/command.h"
#include "app/version.h"
#include "base/build_info.h"
#include "base/check.h"
#include "comm/mpi_session.h"

namespace mneme {
namespace {

/// This process's rank as its launcher says, -1 when none started it. Only for who prints.
int launched_rank() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    if (const char* value = std::getenv(name))
      return std::atoi(value);  // NOLINT: read before threads
  }
  return -1;
}

/// The user's mistakes are found by every rank alike, and told once; anything else by whom it
/// befell.
void print(const Error& e, int rank) {
  const bool same_everywhere = e.fault() == Fault::user || e.fault() == Fault::data;
  if (same_everywhere && rank > 0) return;
  const std::string who = rank >= 0 && !same_everywhere ? fmt::format("[rank {}] ", rank) : "";
  const std::string where = e.fault() == Fault::bug ? "\n" + e.where() : "";
  fmt::print(stderr, "{}{}{}\n", who, e.what(), where);
  std::fflush(stderr);
}

/// The only place where errors end: told with the rank, then the whole job ends, so that no rank
/// waits for this one in a collective.
int run(const Action& action) {
  const int rank = launched_rank();
  try {
    return action();
  } catch (const Error& e) {
    print(e, rank);
    abort_job(static_cast<int>(e.fault()));
  } catch (const std::exception& e) {
    fmt::print(stderr, "[rank {}] unexpected error: {}\n", rank, e.what());
    abort_job(static_cast<int>(Fault::bug));
  }
}

/// A command line that cannot be parsed, or asks for help: told by one rank. The exit status.
int refuse(const CLI::App& app, const CLI::ParseError& e, const std::vector<std::string>& words) {
  std::ostringstream out, err;
  const bool asks_for_help = app.exit(e, out, err) == 0;
  if (launched_rank() <= 0) {
    const std::string unknown = asks_for_help ? "" : unknown_command(app, words);
    fmt::print("{}", out.str());
    fmt::print(stderr, "{}", unknown.empty() ? err.str() : unknown + "\n");
  }
  return asks_for_help ? 0 : static_cast<int>(Fault::user);
}

}  // namespace
}  // namespace mneme

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
