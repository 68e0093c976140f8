#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "config/schema.h"

namespace mneme {

// A config with every kind of field, in the shape of a real one.

namespace example {

enum class Gate { none, silu, sigmoid };

}  // namespace example

template <>
struct EnumNames<example::Gate> {
  static constexpr std::array table{std::pair{example::Gate::none, std::string_view("none")},
                                    std::pair{example::Gate::silu, std::string_view("silu")},
                                    std::pair{example::Gate::sigmoid, std::string_view("sigmoid")}};
};

namespace example {

struct Memory {
  std::int64_t half_keys = 1024;
  std::int64_t top_k = 32;
  int heads = 4;
  Gate gate = Gate::silu;
  std::optional<std::int64_t> value_width = std::nullopt;
  std::vector<std::int64_t> layers = {2, 4};

  static void describe(Schema<Memory>& s) {
    s.field("half_keys", &Memory::half_keys, "", "half-keys per half", positive())
        .field("top_k", &Memory::top_k, "", "rows read per head", positive())
        .field("heads", &Memory::heads, "", "memory heads", in_range(1, 64))
        .field("gate", &Memory::gate, "", "what gates the output")
        .field("value_width", &Memory::value_width, "", "width of a row; null: the model's",
               multiple_of(8))
        .field("layers", &Memory::layers, "", "blocks with a memory layer", non_negative(),
               not_empty())
        .together(
            "{half_keys} must be at least {top_k}",
            [](const Memory& c) { return c.half_keys >= c.top_k; },
            [](const Memory& c) {
              const std::int64_t rows = c.top_k * c.top_k;
              return fmt::format("with half_keys: {0} the pool has {0}^2 = {1},{2:03} rows",
                                 c.top_k, rows / 1000, rows % 1000);
            });
  }
  friend bool operator==(const Memory&, const Memory&) = default;
};

struct Model {
  std::int64_t width = 512;
  Memory memory{.heads = 8};

  static void describe(Schema<Model>& s) {
    s.field("width", &Model::width, "channels", "model width", multiple_of(8), positive())
        .field("memory", &Model::memory, "", "the memory layers")
        .together("width / memory.heads is at least 8",
                  [](const Model& c) { return c.width / c.memory.heads >= 8; });
  }
  friend bool operator==(const Model&, const Model&) = default;
};

struct AdamW {
  double lr = 3e-4;
  double beta1 = 0.9, beta2 = 0.95;
  double weight_decay = 0.1;
  std::int64_t warmup = 2000;

  static void describe(Schema<AdamW>& s) {
    s.field("lr", &AdamW::lr, "1/step", "peak learning rate", positive<double>())
        .field("beta1", &AdamW::beta1, "", "decay of the first moment", at_least(0), less_than(1))
        .field("beta2", &AdamW::beta2, "", "decay of the second moment", at_least(0), less_than(1))
        .field("weight_decay", &AdamW::weight_decay, "1/step", "decoupled decay, times lr",
               non_negative())
        .field("warmup", &AdamW::warmup, "steps", "linear warm-up", non_negative())
        .together("beta1 < beta2", [](const AdamW& c) { return c.beta1 < c.beta2; });
  }
  friend bool operator==(const AdamW&, const AdamW&) = default;
};

struct Source {
  std::string path;
  double weight = 1;
  std::optional<std::string> field = std::nullopt;

  static void describe(Schema<Source>& s) {
    s.field("path", &Source::path, "", "a token file", required(), not_empty())
        .field("weight", &Source::weight, "", "share of the samples", positive())
        .field("field", &Source::field, "", "JSON field");
  }
  friend bool operator==(const Source&, const Source&) = default;
};

struct Data {
  std::vector<Source> train = {{.path = "tiny.tok"}};
  Named<Source> valid;
  Named<std::vector<Verbatim>> grid;

  static void describe(Schema<Data>& s) {
    s.field("train", &Data::train, "", "what is trained on", not_empty())
        .field("valid", &Data::valid, "", "named validation sets")
        .field("grid", &Data::grid, "", "values by key");
  }
  friend bool operator==(const Data&, const Data&) = default;
};

struct Job {
  std::string name = "run";
  std::uint64_t seed = 1;
  bool document_mask = true;
  std::optional<Duration> stop_after;
  Duration log_every{10};
  std::vector<double> betas = {0.5, 0.25};
  std::vector<bool> flags;
  std::optional<Source> extra;
  Model model;
  AdamW optim;
  Data data;

  static void describe(Schema<Job>& s) {
    s.field("name", &Job::name, "", "the run's folder", not_empty())
        .field("seed", &Job::seed, "", "of everything random")
        .field("document_mask", &Job::document_mask, "", "attention stays in its document")
        .field("stop_after", &Job::stop_after, "time", "wall time to stop after", positive())
        .field("log_every", &Job::log_every, "time", "between log lines", positive(),
               free_to_change())
        .field("betas", &Job::betas, "", "some numbers", in_range(0, 1))
        .field("flags", &Job::flags, "", "some switches")
        .field("extra", &Job::extra, "", "one more source")
        .field("model", &Job::model, "", "the model")
        .field("optim", &Job::optim, "", "the optimizer")
        .field("data", &Job::data, "", "the data");
  }
  friend bool operator==(const Job&, const Job&) = default;
};

static_assert(Config<Job>);

}  // namespace example
}  // namespace mneme
