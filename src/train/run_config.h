#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/enum_names.h"
#include "checkpoint/retention.h"
#include "comm/mesh.h"
#include "config/schema.h"
#include "data/data_config.h"
#include "model/model_config.h"
#include "optim/optimizer_config.h"

namespace mneme {

/// How much is trained, in which pieces.
struct TrainConfig {
  std::int64_t steps = 1000;
  std::int64_t sequence = 1024;
  std::int64_t batch = 64;
  std::int64_t micro_batch = 0;
  std::int64_t stop_at_step = 0;
  Duration stop_after;

  static void describe(Schema<TrainConfig>& s);
};
static_assert(Config<TrainConfig>);

/// When the run speaks, measures and saves. None of it changes what is computed.
struct ReportConfig {
  std::int64_t log_every = 10;
  std::int64_t use_every = 50;
  std::int64_t validate_every = 0;
  bool tensorboard = true;

  static void describe(Schema<ReportConfig>& s);
};
static_assert(Config<ReportConfig>);

struct CheckpointConfig {
  std::int64_t every = 0;
  RetentionConfig keep;

  static void describe(Schema<CheckpointConfig>& s);
};
static_assert(Config<CheckpointConfig>);

enum class DeviceKind : std::uint8_t { cpu };
template <>
struct EnumNames<DeviceKind> {
  static constexpr std::array table{std::pair{DeviceKind::cpu, std::string_view("cpu")}};
};

/// What the ranks run on.
struct RuntimeConfig {
  DeviceKind device = DeviceKind::cpu;
  std::int64_t threads = 0;

  static void describe(Schema<RuntimeConfig>& s);
};
static_assert(Config<RuntimeConfig>);

/// Everything that a run computes follows from this and the data.
struct RunConfig {
  std::string name;
  std::string output = "runs";
  std::int64_t seed = 1;
  ModelConfig model;
  DataConfig data;
  TrainConfig train;
  OptimizerConfig optimizer;
  MeshConfig mesh;
  RuntimeConfig runtime;
  ReportConfig report;
  CheckpointConfig checkpoint;

  static void describe(Schema<RunConfig>& s);
};
static_assert(Config<RunConfig>);

/// Forward and backward passes of one optimizer step on `ranks` ranks. Fault::user when the batch
/// does not divide, with the nearest sizes that do, or when a rank's pass has over 16,777,216
/// tokens.
std::int64_t micro_batches(const TrainConfig& config, std::int64_t ranks);

}  // namespace mneme
