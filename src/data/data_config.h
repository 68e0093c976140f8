#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/schema.h"
#include "data/sample_order.h"

namespace mneme {

/// A weighted source of training text.
struct SourceConfig {
  std::string name;
  std::vector<std::string> files;
  double weight = 1;

  static void describe(Schema<SourceConfig>& s) {
    s.field("name", &SourceConfig::name, "", "of the source; its order depends on it", not_empty())
        .field("files", &SourceConfig::files, "",
               "token files made by `mneme prep text`, one stream", not_empty(), free_to_change())
        .field("weight", &SourceConfig::weight, "",
               "share of the samples, relative to the other sources' weights", positive());
  }
};
static_assert(Config<SourceConfig>);

/// A named set whose loss is measured during training.
struct ValidationConfig {
  std::string name;
  std::vector<std::string> files;
  std::int64_t max_samples = 0;

  static void describe(Schema<ValidationConfig>& s) {
    s.field("name", &ValidationConfig::name, "", "of the set, in logs and metrics", not_empty(),
            free_to_change())
        .field("files", &ValidationConfig::files, "", "token files", not_empty(), free_to_change())
        .field("max_samples", &ValidationConfig::max_samples, "samples",
               "the first so many samples; 0: all", non_negative(), free_to_change());
  }
};
static_assert(Config<ValidationConfig>);

/// What a run reads.
struct DataConfig {
  std::vector<SourceConfig> train;
  std::vector<ValidationConfig> validation;
  bool document_mask = true;
  std::string tokenizer;
  std::string probes;

  static void describe(Schema<DataConfig>& s) {
    s.field("train", &DataConfig::train, "", "sources of the training data")
        .field("validation", &DataConfig::validation, "", "sets to measure the loss on",
               free_to_change())
        .field(
            "document_mask", &DataConfig::document_mask, "",
            "attention and positions stay inside a document, and nothing is predicted across its "
            "end")
        .field(
            "tokenizer", &DataConfig::tokenizer, "",
            "a tokenizer file, or `bytes`, that the token files must have been made with; empty: "
            "the one stored in them",
            free_to_change())
        .field("probes", &DataConfig::probes, "",
               "probes.jsonl of `mneme prep facts`: `mneme eval` measures recall on it",
               free_to_change());
  }
};
static_assert(Config<DataConfig>);

std::vector<TrainingSource> training_sources(const DataConfig& config);

/// Fault::user when config.tokenizer is named and is not the one that made the tokens.
void check_tokenizer(const DataConfig& config, const TokenFileInfo& tokens);

}  // namespace mneme
