#pragma once

#include <memory>
#include <vector>

#include "comm/mesh.h"
#include "data/batch.h"
#include "train/engine.h"

namespace mneme::test {

/// A model that trains in milliseconds, with every part of a real one: 2 blocks of width 32, 100
/// tokens, 8 samples of 24 tokens per step; the memory layers read a pool of 64 rows of width 20.
RunConfig tiny_config(FfnKind ffn);

/// Samples [first, last) of step `step`: random tokens in documents of some length, EOS = 0; part
/// of any larger batch of the same step.
Batch tiny_batch(const RunConfig& config, std::int64_t step, std::int64_t first, std::int64_t last);

/// Targets of the whole global batch of a step.
std::int64_t tiny_targets(const RunConfig& config, std::int64_t step);

/// Planned, allocated and initialised.
std::unique_ptr<Engine> make_engine(const RunConfig& config, const Mesh& mesh, int threads = 1);

/// One optimizer step of this rank on its share of tiny_batch.
Engine::Step tiny_step(Engine& engine, std::int64_t step);

}  // namespace mneme::test
