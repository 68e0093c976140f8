#pragma once

#include <functional>
#include <string>

#include "train/run_config.h"

namespace mneme {

/// The config with model.vocabulary filled in: what it says, or the size of the tokenizer or of the
/// first token file that it names. Fault::user when none of them tells.
RunConfig with_known_vocabulary(RunConfig config);

/// Tokens, where nothing says how many there are: shapes are checked and costs told alike.
inline constexpr std::int64_t stand_in_vocabulary = 32'000;

/// As with_known_vocabulary, but where the file that would tell is not there the vocabulary is
/// stand_in_vocabulary, and `told` gets a line that says so.
RunConfig with_assumed_vocabulary(RunConfig config, const std::function<void(std::string)>& told);

}  // namespace mneme
