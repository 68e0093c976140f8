#include "train/load_model.h"

#include <fmt/format.h>

#include "base/hash.h"
#include "base/text_file.h"
#include "checkpoint/load.h"
#include "config/parse.h"
#include "config/print.h"

namespace mneme {
namespace {

namespace fs = std::filesystem;

constexpr const char* tokenizer_file = "tokenizer.model";

}  // namespace

CheckpointEntry find_checkpoint(const fs::path& path) {
  require(fs::exists(path), Fault::user, "{}: no such checkpoint or run folder", path.string());
  if (fs::exists(path / Manifest::file_name)) {
    const Manifest m = read_manifest(path);
    return {m.step, m.kind, path};
  }
  const fs::path folder = fs::exists(path / "checkpoints") ? path / "checkpoints" : path;
  const LatestCheckpoint latest = latest_checkpoint(folder);
  require(latest.entry.has_value(), Fault::checkpoint,
          "{}: no complete checkpoint here{}\n  hint: name a run's folder (runs/NAME), or a "
          "step_NNNNNN or weights_NNNNNN in its checkpoints",
          folder.string(), latest.reasons());
  return *latest.entry;
}

SavedRun read_saved_run(const fs::path& path, const std::vector<std::string>& overrides) {
  SavedRun run;
  run.entry = find_checkpoint(path);
  const Manifest m = read_manifest(run.entry.path);
  require(m.meta.contains("config"), Fault::checkpoint, "{}: the manifest holds no run's config",
          run.entry.path.string());
  const auto text = m.meta["config"].get<std::string>();
  const std::string where = "the config saved in " + run.entry.path.string();
  run.config = parse_text<RunConfig>(text, where, overrides);
  const auto trained = parse_text<RunConfig>(text, where);
  require(
      diff(trained.optimizer, run.config.optimizer).empty() &&
          trained.train.steps == run.config.train.steps,
      Fault::user,
      "--set optimizer.* and train.steps: {} is trained already, and its pool's rows are brought "
      "up to date by the options that it was trained with; hint: leave them out",
      run.entry.path.string());
  require(trained.data.tokenizer == run.config.data.tokenizer, Fault::user,
          "--set data.tokenizer: {} is read with the tokenizer that it was trained with, which is "
          "kept beside it; hint: leave the option out",
          run.entry.path.string());
  run.root = fs::absolute(run.entry.path).parent_path().parent_path();
  return run;
}

void save_run_tokenizer(const fs::path& root, const Tokenizer& tokenizer) {
  if (tokenizer.kind() == "bytes") return;
  const fs::path path = root / tokenizer_file;
  if (fs::exists(path) && read_text(path) == tokenizer.model()) return;
  write_text_atomically(path, std::string(tokenizer.model()));
}

std::unique_ptr<Tokenizer> load_run_tokenizer(const SavedRun& run) {
  const Manifest m = read_manifest(run.entry.path);
  const auto kind = m.meta.at("tokenizer").at("kind").get<std::string>();
  const auto hash = m.meta.at("tokenizer").at("hash").get<std::string>();
  const fs::path path = run.root / tokenizer_file;
  require(kind == "bytes" || fs::exists(path), Fault::user,
          "{} is missing: the tokenizer that {} was trained with; hint: a checkpoint is read from "
          "its run's folder, RUN/checkpoints/NAME, with RUN/{} beside",
          path.string(), run.entry.path.string(), tokenizer_file);
  auto tokenizer = load_tokenizer(kind == "bytes" ? kind : path.string());
  require(hex(tokenizer->hash()) == hash, Fault::checkpoint,
          "{} is not the tokenizer that {} was trained with (hash {}, wanted {})", path.string(),
          run.entry.path.string(), hex(tokenizer->hash()), hash);
  return tokenizer;
}

std::unique_ptr<Engine> load_model(const SavedRun& run,
                                   const Mesh& mesh,
                                   int threads,
                                   const std::function<void(Engine&)>& measure) {
  RunConfig config = run.config;
  if (run.entry.kind == CheckpointKind::weights) config.optimizer.pool_update = PoolUpdate::lazy;
  Engine plan(config, mesh, Engine::Purpose::read_only, Arenas::measuring(), threads);
  measure(plan);
  auto engine = std::make_unique<Engine>(config, mesh, Engine::Purpose::read_only,
                                         Arenas::sized(plan.arenas()), threads);
  const std::vector<StateItem> items = engine->state_items();
  load_checkpoint(mesh.world(), {.checkpoint = run.entry.path,
                                 .items = items,
                                 .position = position_on(mesh),
                                 .surplus = LoadRequest::Surplus::ignore});
  engine->settle(run.entry.step);
  return engine;
}

}  // namespace mneme
